"""Settings, all from the environment; docs/operating.md lists them.

A `.env` file beside pyproject.toml (or where RELAYPANEL_ENV_FILE points) fills what the
environment does not say.  A bad value refuses to start and names its variable: see checks.py.
"""

from __future__ import annotations

import environ
import structlog

from relaypanel import checks, env_file, masking

BASE_DIR = env_file.BASE_DIR

env = environ.Env()
env.read_env(env_file.path())

DEBUG = checks.boolean(env, "DEBUG", default=False)
SECRET_KEY = checks.secret_key(env)
FIELD_KEYS = checks.field_keys(env)
ALLOWED_HOSTS = checks.hosts(env, debug=DEBUG)
PUBLIC_URL = checks.public_url(env)
CURRENCY = checks.currency(env)
# What people call the panel: in its pages' titles, its letters and its authenticator entries.
PANEL_NAME = checks.panel_name(env)
TRUSTED_PROXIES = checks.networks(env, "TRUSTED_PROXIES")
# Providers may live on a private address only where the operator says so: a provider's address
# is typed into a form, and must not become a way into the operator's own network.
PRIVATE_PROVIDERS = checks.networks(env, "PRIVATE_PROVIDERS")
# So must the addresses that customers give their webhooks, which are strangers' words.
PRIVATE_WEBHOOKS = checks.networks(env, "PRIVATE_WEBHOOKS")
# A key in a URL ends up in logs, so API v2 answers GET only on the operator's word.
API_GET = checks.boolean(env, "API_GET", default=False)
API_BODY_BYTES_MAX = 2 * 1024 * 1024
# With one key.  0: no limit, nor of calls without a good key; an owner may set another for a user.
API_CALLS_PER_MINUTE = checks.number(env, "API_CALLS_PER_MINUTE", default=6000, least=0, most=10**7)
# For how long a worker has a duty before another may take it over; it renews while it works.
LEASE_MS = checks.number(env, "LEASE_MS", default=10_000, least=100, most=300_000)
# Where a worker keeps what must not go back in time together with the database.
STATE_DIR = checks.state_dir(env, base_dir=BASE_DIR)

# Letters go to the log until EMAIL_URL says by whom they are sent.
EMAIL_IS_SENT = bool(env.str("EMAIL_URL", default=""))
vars().update(checks.email(env))
DEFAULT_FROM_EMAIL = SERVER_EMAIL = checks.email_from(env, panel_name=PANEL_NAME)

DATABASES = {"default": checks.database(env, base_dir=BASE_DIR)}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

# Counts of sign-ins and used codes: what one process has counted, all others must know.
REDIS_URL = checks.redis_url(env)
CACHES = {"default": checks.cache(REDIS_URL)}

INSTALLED_APPS = [
    "relaypanel",
    "relaypanel.look",
    "relaypanel.dashboard",
    "relaypanel.staff",
    "relaypanel.adminapi",
    "relaypanel.accounts",
    "relaypanel.storefront",
    "relaypanel.notices",
    "relaypanel.ledger",
    "relaypanel.providers",
    "relaypanel.catalogue",
    "relaypanel.orders",
    "relaypanel.payments",
    "relaypanel.tickets",
    "relaypanel.reports",
    "relaypanel.duties",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    # allauth's page of passkeys draws with it.
    "django.contrib.humanize",
    "django.contrib.messages",
    "django.contrib.sessions",
    "django.contrib.staticfiles",
    "django_htmx",
    "template_partials",
    "allauth",
    "allauth.account",
    "allauth.mfa",
    "allauth.usersessions",
]
MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    # A page is a tenth of its size then.  What it holds that others must not guess, the token of
    # its forms, is masked anew each time, and the length of the answer is made random.
    "django.middleware.gzip.GZipMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "relaypanel.look.headers.Headers",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.locale.LocaleMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
    "allauth.account.middleware.AccountMiddleware",
    "relaypanel.dashboard.sessions.LastSeen",
    "relaypanel.dashboard.closed.Closed",
    "relaypanel.staff.act_as.ActAs",
    "relaypanel.look.reader.Reader",
    "relaypanel.look.questions.Questions",
]
ROOT_URLCONF = "relaypanel.urls"
WSGI_APPLICATION = "relaypanel.wsgi.application"
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.template.context_processors.i18n",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "relaypanel.look.context.look",
                "relaypanel.dashboard.shell.shell",
                "relaypanel.staff.shell.desk",
            ],
        },
    }
]

STATIC_URL = "/static/"
# `relaypanel web` gathers the static files here, hashed and compressed.
STATIC_ROOT = STATE_DIR / "static"
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {"BACKEND": "whitenoise.storage.CompressedManifestStaticFilesStorage"},
}
APPEND_SLASH = False
FILE_UPLOAD_HANDLERS = [
    "relaypanel.look.uploads.Bounded",
    "django.core.files.uploadhandler.MemoryFileUploadHandler",
    "django.core.files.uploadhandler.TemporaryFileUploadHandler",
]

AUTH_USER_MODEL = "accounts.User"
PASSWORD_HASHERS = ["relaypanel.accounts.passwords.Argon2"]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator"},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
]

AUTHENTICATION_BACKENDS = ["allauth.account.auth_backends.AuthenticationBackend"]
LOGIN_URL = "account_login"
LOGIN_REDIRECT_URL = "/dashboard"
ACCOUNT_ADAPTER = "relaypanel.dashboard.adapters.AccountAdapter"
ACCOUNT_FORMS = {
    "login": "relaypanel.dashboard.account_forms.SignIn",
    "signup": "relaypanel.dashboard.account_forms.SignUp",
}
ACCOUNT_LOGIN_METHODS = {"username", "email"}
ACCOUNT_SIGNUP_FIELDS = ["username*", "email*", "password1*"]
ACCOUNT_USERNAME_MIN_LENGTH = 3
ACCOUNT_SESSION_REMEMBER = True
ACCOUNT_LOGOUT_REDIRECT_URL = "/"
# A panel that has no mail yet cannot ask for proof of an address.
ACCOUNT_EMAIL_VERIFICATION = "mandatory" if EMAIL_IS_SENT else "none"
ACCOUNT_CHANGE_EMAIL = True
ACCOUNT_EMAIL_NOTIFICATIONS = EMAIL_IS_SENT
ACCOUNT_EMAIL_SUBJECT_PREFIX = f"{PANEL_NAME}: "
ACCOUNT_REAUTHENTICATION_TIMEOUT = 300
# Counted before a password is hashed.  allauth's own limits hold for the rest: sign-ups, resets,
# codes.  A passkey or a new password lets somebody in whose name others have guessed at.
ACCOUNT_RATE_LIMITS = {
    "login": "30/m/ip",
    "login_failed": "10/m/ip,5/300s/key",
    "reauthenticate": "10/m/user",
    "reset_password": "20/m/ip,5/m/key",
}
MFA_ADAPTER = "relaypanel.dashboard.adapters.MFAAdapter"
MFA_FORMS = {
    "add_webauthn": "relaypanel.dashboard.account_forms.AddPasskey",
    "edit_webauthn": "relaypanel.dashboard.account_forms.RenamePasskey",
    "login_webauthn": "relaypanel.dashboard.account_forms.SignInPasskey",
    "authenticate_webauthn": "relaypanel.dashboard.account_forms.SecondPasskey",
    "reauthenticate_webauthn": "relaypanel.dashboard.account_forms.AgainPasskey",
    "authenticate": "relaypanel.dashboard.codes.SignInCode",
    "reauthenticate": "relaypanel.dashboard.codes.AgainCode",
}
MFA_SUPPORTED_TYPES = ["totp", "webauthn", "recovery_codes"]
MFA_PASSKEY_LOGIN_ENABLED = True
MFA_TOTP_ISSUER = PANEL_NAME
# Phones are a few seconds off: the code before and the code after are taken too.
MFA_TOTP_TOLERANCE = 1
MFA_ALLOW_UNVERIFIED_EMAIL = not EMAIL_IS_SENT
MFA_RECOVERY_CODES_SHOW_ONCE = True
# Browsers take a passkey on localhost without https, and so do we.
MFA_WEBAUTHN_ALLOW_INSECURE_ORIGIN = not PUBLIC_URL.startswith("https://")
# By dashboard/sessions.py, and shown beside each session.
USERSESSIONS_TRACK_ACTIVITY = True

LANGUAGE_CODE = "en"
TIME_ZONE = "UTC"
USE_TZ = True
USE_I18N = True
LANGUAGES = [("en", "English"), ("vi", "Tiếng Việt")]
# A folder for each group of pages, so that a page's words are found in two guesses.
LOCALE_PATHS = sorted((BASE_DIR / "relaypanel" / "locale").iterdir())

# Behind https everything is https; the API is exempt because a redirect turns a POST into a GET.
_https = PUBLIC_URL.startswith("https://")
SECURE_SSL_REDIRECT = _https
SECURE_REDIRECT_EXEMPT = [r"^api/v2/?$", r"^adminapi/v2/"]
SECURE_HSTS_SECONDS = 31_536_000 if _https else 0
SECURE_HSTS_INCLUDE_SUBDOMAINS = _https
SECURE_HSTS_PRELOAD = _https
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if TRUSTED_PROXIES else None
# A name that begins so is taken by browsers from this host alone, over https, for all paths: no
# neighbour under the same domain can plant a session.
if _https:
    SESSION_COOKIE_NAME, CSRF_COOKIE_NAME = "__Host-session", "__Host-csrf"
# The pages carry the token themselves.
CSRF_COOKIE_HTTPONLY = True
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = LANGUAGE_COOKIE_SECURE = _https

_shared_processors: list[structlog.typing.Processor] = [
    structlog.contextvars.merge_contextvars,
    structlog.stdlib.add_log_level,
    structlog.stdlib.add_logger_name,
    structlog.processors.TimeStamper(fmt="iso", utc=True),
]
structlog.configure(
    processors=[*_shared_processors, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
    logger_factory=structlog.stdlib.LoggerFactory(),
    wrapper_class=structlog.stdlib.BoundLogger,
    cache_logger_on_first_use=True,
)
_renderers: dict[str, structlog.typing.Processor] = {
    "line": structlog.processors.LogfmtRenderer(
        key_order=["timestamp", "level", "logger", "event"]
    ),
    "json": structlog.processors.JSONRenderer(ensure_ascii=False),
}
LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {
        "ours": {
            "()": structlog.stdlib.ProcessorFormatter,
            "foreign_pre_chain": _shared_processors,
            "processors": [
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                structlog.processors.format_exc_info,
                masking.mask_event,
                _renderers[checks.log_format(env)],
            ],
        }
    },
    "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "ours"}},
    "root": {"handlers": ["stderr"], "level": checks.log_level(env)},
}
