"""How the sandbox says no."""

from collections.abc import Mapping

from starlette.responses import JSONResponse, Response


class Refused(Exception):
    """An answer of PagerDuty's that is none of success. PagerDuty docs: Errors."""

    def __init__(
        self, status: int, message: str, *errors: str, code: int | None = None, headers: Mapping[str, str] | None = None
    ) -> None:
        super().__init__(message)
        self.status, self.message, self.errors, self.headers = status, message, errors, headers
        self.code = code or {400: 2001, 401: 2006, 403: 2010, 404: 2100, 429: 2020}.get(status, 2000)

    def response(self) -> Response:
        error = {"code": self.code, "message": self.message, "errors": list(self.errors)}
        return JSONResponse({"error": error}, self.status, self.headers)


def invalid(*errors: str) -> Refused:
    """400 for what a caller sent."""
    return Refused(400, "Invalid Input Provided", *errors)


def not_found() -> Refused:
    return Refused(404, "Not Found")
