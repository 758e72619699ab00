"""Response headers of pages: what a page may load, and what others may do with it."""

from urllib.parse import urlsplit


def content_security_policy(supabase_url: str) -> str:
    """Nothing inline, no eval, no host but this one and Supabase.

    Trusted Types (W3C) are required, and the one policy makes nothing but the service worker's address: text that came
    from PagerDuty can never become markup.
    """
    parts = urlsplit(supabase_url)
    origin = f"{parts.scheme}://{parts.netloc}"
    websocket = f"{'wss' if parts.scheme == 'https' else 'ws'}://{parts.netloc}"
    return "; ".join(
        (
            "default-src 'none'",
            "script-src 'self'",
            "worker-src 'self'",
            "style-src 'self'",
            "img-src 'self' data:",
            "font-src 'self'",
            "manifest-src 'self'",
            f"connect-src 'self' {origin} {websocket}",
            "form-action 'self'",
            "base-uri 'none'",
            "frame-ancestors 'none'",
            "require-trusted-types-for 'script'",
            "trusted-types service-worker",
        )
    )


def page_headers(supabase_url: str) -> dict[str, str]:
    """Headers for an HTML page."""
    return {
        "Content-Security-Policy": content_security_policy(supabase_url),
        "Referrer-Policy": "same-origin",
        "Permissions-Policy": "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
        "Cross-Origin-Opener-Policy": "same-origin",
    }
