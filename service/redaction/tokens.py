"""The formats of well-known tokens, in one pattern.

Most are detect-secrets' (docs/adr/0019). Its patterns find a token, and may match no more than its beginning: here the
match goes on to the end of the token.
"""

import re

from detect_secrets.plugins.aws import AWSKeyDetector
from detect_secrets.plugins.azure_storage_key import AzureStorageKeyDetector
from detect_secrets.plugins.discord import DiscordBotTokenDetector
from detect_secrets.plugins.github_token import GitHubTokenDetector
from detect_secrets.plugins.gitlab_token import GitLabTokenDetector
from detect_secrets.plugins.mailchimp import MailchimpDetector
from detect_secrets.plugins.pypi_token import PypiTokenDetector
from detect_secrets.plugins.sendgrid import SendGridDetector
from detect_secrets.plugins.slack import SlackDetector
from detect_secrets.plugins.square_oauth import SquareOAuthDetector
from detect_secrets.plugins.stripe import StripeDetector
from detect_secrets.plugins.telegram_token import TelegramBotTokenDetector
from detect_secrets.plugins.twilio import TwilioKeyDetector

# Its others are left out: they look at names or at URLs, which is done here, take quadratic time on hostile text
# (OpenAI, npm), or find prose (Artifactory: "APACHETOMCAT").
_DETECTORS = (
    AWSKeyDetector, AzureStorageKeyDetector, DiscordBotTokenDetector, GitHubTokenDetector, GitLabTokenDetector,
    MailchimpDetector, PypiTokenDetector, SendGridDetector, SlackDetector, SquareOAuthDetector, StripeDetector,
    TelegramBotTokenDetector, TwilioKeyDetector,
)  # fmt: skip

# What it does not know, from the issuers' own documentation.
_MORE = (
    r"sb_secret_\w{8,}",  # Supabase: API keys
    r"sb[ps]_\w{20,}",  # Supabase: personal access tokens
    r"pd[a-z]{2}\+_[\w-]{10,}",  # PagerDuty: OAuth access tokens
    r"(?<!\w)[uy][+_][\w-]{18}(?![\w-])",  # PagerDuty: API keys
    r"github_pat_\w{20,}",
    r"gh[a-z]_\w{20,}",
    r"xox[a-z](?:\.xox[a-z])?-[\w-]{10,}|xapp-[\w-]{10,}",  # Slack
    r"[prs]k_(?:live|test)_\w{8,}|whsec_[\w+/=]{16,}",  # Stripe
    r"(?<!\w)sk-[\w-]{20,}",  # OpenAI, Anthropic
    r"AIza[\w-]{30,}|ya29\.[\w-]{20,}|GOCSPX-[\w-]{20,}",  # Google
    r"(?<!\w)(?:npm|hf|dop_v1|doo_v1|shpat|shpss)_\w{20,}",  # npm, Hugging Face, DigitalOcean, Shopify
    r"hv[sb]\.[\w-]{20,}",  # HashiCorp Vault
    r"AGE-SECRET-KEY-1\w{20,}",
)


def _one_pattern() -> re.Pattern[str]:
    theirs = [pattern for detector in _DETECTORS for pattern in detector.denylist]
    parts = [f"(?i:{found.pattern})" if found.flags & re.I else f"(?:{found.pattern})" for found in theirs]
    return re.compile(rf"(?:{'|'.join([*parts, *_MORE])})[\w.+/=~-]*")


TOKEN = _one_pattern()
