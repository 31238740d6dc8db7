"""What the model of flash sales is run with: fault points, units, how far members go."""

from datetime import timedelta
from typing import Final

from hypothesis import strategies as st

from tests.faults.test_sale_faults import fault_points
from tests.races.sales import LATENESS

POINTS: Final = (
    *fault_points(),
    "orders.record_payment.after_capture",
    "orders.jobs.after_refund_sent",
    "orders.asking.after_close",
    "orders.fulfil.after_deliver",
)
PICK: Final = st.integers(0, 1000)
UNITS: Final = 4
WINDOW: Final = timedelta(hours=6)
# How far a member goes at once: a claim, a trade, paid, the platform told, the worker heard.
FAR: Final = st.sampled_from([4, 4, 3, 2, 1, 0, 0])
LOOK_EVERY: Final = 3  # steps
LATE: Final = {*LATENESS, "I7.refunds_in_time"}  # the clock jumps, and no sweep runs meanwhile
