"""Words pydantic's validation errors for the author of a setting."""

from pydantic_core import ErrorDetails

_WORDS = {
    "int_parsing": "must be a whole number",
    "int_from_float": "must be a whole number",
    "float_parsing": "must be a number",
    "bool_parsing": "must be true or false",
}
_INPUT = "Input should be "


def setting_error_message(fault: ErrorDetails) -> str:
    """Returns the variable and its fault; the value only where it is a number or a choice, and so no secret."""
    name, said = ".".join(map(str, fault["loc"])), fault["msg"].removeprefix("Value error, ")
    if fault["type"] in _WORDS or said.startswith(_INPUT):
        must = _WORDS.get(fault["type"]) or f"must be {said.removeprefix(_INPUT)}"
        return f"{name} {must}, not {fault['input']!r}"
    return f"{name}: {said}".removeprefix(": ")
