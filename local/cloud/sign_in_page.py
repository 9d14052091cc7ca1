"""What the sign-in page looks like: one card, in light or dark, on any screen."""

from html import escape

_STYLE = """
:root{color-scheme:light dark;--ground:#f4f5f7;--card:#fff;--ink:#16191f;--soft:#545b64;--line:#8d99a5;
--act:#0b5cad;--on-act:#fff;--bad:#b00020}
@media(prefers-color-scheme:dark){:root{--ground:#101418;--card:#1a2027;--ink:#f1f3f5;--soft:#b4bdc7;
--line:#707c89;--act:#7db8f5;--on-act:#0b1620;--bad:#ff9aa8}}
*{box-sizing:border-box;margin:0}
body{min-height:100vh;display:grid;place-items:center;padding:16px;background:var(--ground);color:var(--ink);
font:16px/1.5 system-ui,sans-serif}
main{width:min(400px,100%);padding:32px;border-radius:12px;background:var(--card);box-shadow:0 1px 8px #0002}
h1{margin-bottom:24px;font-size:24px;line-height:1.25}
label{display:block;margin-bottom:4px;color:var(--soft);font-size:14px}
input{display:block;width:100%;min-height:44px;margin-bottom:16px;padding:8px 12px;
border:1px solid var(--line);border-radius:8px;background:transparent;color:inherit;font:inherit}
button{display:block;width:100%;min-height:44px;border:0;border-radius:8px;background:var(--act);
color:var(--on-act);font:inherit;font-weight:600;cursor:pointer}
:focus-visible{outline:3px solid var(--act);outline-offset:2px}
.error{margin-bottom:16px;color:var(--bad)}
code{display:block;margin:8px 0 16px;overflow-wrap:anywhere;font-size:16px}
footer{margin-top:24px;color:var(--soft);font-size:13px}
"""
_CODE_FORM = """
<form method="POST" action="/login">
<input type="hidden" name="totp_token" value="%s">
<label for="totp_code">Code</label>
<input type="text" id="totp_code" name="totp_code" inputmode="numeric"
 autocomplete="one-time-code" required autofocus>
<button type="submit">Sign in</button>
</form>
"""
_SET_UP = """
<p>Signing in takes a second factor here. Add this key to your authenticator:</p>
<p><code id="totp_secret">%s</code></p>
"""
ERROR_PAGE = "<p>The address that asked for the sign-in is not one of its client's: redirect_mismatch.</p>"


def shell(title: str, heading: str, body_html: str) -> str:
    """Return a page of the sign-in; `body_html` is what the emulator puts on it."""
    body = body_html.replace('<div class="error">', '<div class="error" role="alert">')
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f'<title>{escape(title)}</title><link rel="icon" href="data:,">'
        f"<style>{_STYLE}</style></head>"
        f"<body><main><h1>{escape(heading)}</h1>{body}"
        "<footer>The local stand-in for the sign-in page of Amazon Cognito</footer></main></body></html>"
    )


def code_page(token: str, error: str = "", *, new: str = "") -> bytes:
    """Return the page that asks for a code of the authenticator; `new` is the key of one to be set up."""
    alert = f'<p class="error" role="alert">{error}</p>' if error else ""
    body = alert + (_SET_UP % new if new else "") + _CODE_FORM % token
    return shell("Sign in", "Enter the code of your authenticator", body).encode()
