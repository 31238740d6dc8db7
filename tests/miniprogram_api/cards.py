from tests.miniprogram_api.cards_stub import import_codes as import_codes
