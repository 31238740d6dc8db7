"""Telling people: chat groups and pushes into them, notices to one member, the inbox."""
