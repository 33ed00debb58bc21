"""For each rule the smallest configuration that breaks it. `ROUTE` is a good one to build on."""

from __future__ import annotations

ROUTE = "route: {receiver: r, group_by: [a]}\n"
BASE = f"{ROUTE}receivers:\n- name: r\n"
CHILD = "route:\n  receiver: r\n  group_by: [a]\n  routes:\n  - %s\nreceivers:\n- name: r\n"


def receiver(kind: str, settings: str) -> str:
    """A configuration whose receiver has one `kind` with `settings`, in flow style."""
    return f"{BASE}  {kind}_configs:\n  - {{{settings}}}\n"


def http(settings: str) -> str:
    """A webhook with an `http_config` of `settings`."""
    return receiver("webhook", f"url: 'https://a.example', http_config: {{{settings}}}")


def interval(settings: str) -> str:
    """A time interval with `settings`."""
    return f"{BASE}time_intervals:\n- name: t\n  time_intervals:\n  - {{{settings}}}\n"


def inhibit(settings: str) -> str:
    """An inhibition rule with `settings`."""
    return f"{BASE}inhibit_rules:\n- {{{settings}}}\n"


def child(settings: str) -> str:
    """A route below the root."""
    return CHILD % settings


def globally(settings: str) -> str:
    """A `global` block."""
    return f"global: {{{settings}}}\n{BASE}"


FILE = {
    "E001": "route: [",
    "E002": "#" * ((10 << 20) + 1),
    "E003": "a: " + "[" * 101 + "]" * 101,
    "E004": f"{BASE}x: &a []\ny: *a\n",
    "E005": f"{BASE}templates: []\ntemplates: []\n",
    "E006": f"{BASE}templates: !!int x\n",
    "W008": f"{BASE}---\nroute: {{}}\n",
    "E102": f"{BASE}recievers: []\n",
    "E103": f"{BASE}templates: a.tmpl\n",
    "E105": child("{group_wait: 5x}"),
    "E106": globally("pagerduty_url: 'ftp://a'"),
    "E107": globally("smtp_smarthost: mail"),
    "E108": "route: {receiver: r, routes: [~]}\nreceivers: [{name: r}]\n",
    "W109": f"{BASE}inhibit_rules: [~]\n",
    "I110": receiver("jira", "api_url: 'https://a.example', project: p, issue_type: t"),
}
ROUTES = {
    "E201": "receivers: [{name: r}]\n",
    "E202": "route: {}\n",
    "E203": "route: {receiver: r, matchers: [a=b]}\nreceivers: [{name: r}]\n",
    "E204": "route: {receiver: r, mute_time_intervals: [t]}\nreceivers: [{name: r}]\n",
    "E205": "route: {receiver: r, continue: true}\nreceivers: [{name: r}]\n",
    "E206": child("{receiver: x}"),
    "E207": child("{mute_time_intervals: [x]}"),
    "E208": child("{match: {a-b: x}}"),
    "E209": child("{match_re: {a: '('}}"),
    "E210": child("{matchers: [a]}"),
    "E211": child("{group_by: [a-b]}"),
    "E212": child("{group_by: [..., a]}"),
    "E213": child("{group_by: [a, a]}"),
    "E214": child("{group_interval: 0s}"),
    "E215": child("{labels: {'': x}}"),
    "W216": child("{matchers: ['a=b c']}"),
    "W217": child("{matchers: ['a=\"\\t\"']}"),
}
DELIVERY = {
    "E301": f"{BASE}- webhook_configs: []\n",
    "E302": f"{BASE}- name: r\n",
    "E303": f"{BASE}  labels: {{name: x}}\n",
    "E310": receiver("email", "from: a@b, smarthost: 'a:1'"),
    "E311": receiver("email", "to: a, from: b, smarthost: 'a:1', headers: {a: x, A: y}"),
    "E312": receiver("email", "to: a, from: b, smarthost: 'a:1', threading: {enabled: true}"),
    "E313": receiver("email", "to: a, from: b"),
    "E314": receiver("email", "to: a, smarthost: 'a:1'"),
    "E340": receiver("webhook", "max_alerts: 1"),
    "E341": receiver("webhook", "url: 'https://a.example', url_file: /f"),
    "E342": receiver("webhook", "url: a.example"),
    "E365": receiver("sns", "subject: s"),
    "E366": receiver("sns", "topic_arn: t, sigv4: {access_key: a}"),
    "E367": receiver("sns", "topic_arn: t, sigv4: {external_id: a}"),
}
PAGING = {
    "E320": receiver("pagerduty", "client: c"),
    "E321": receiver("pagerduty", "routing_key: a, routing_key_file: /f"),
    "E322": f"global: {{pagerduty_url: ~}}\n{receiver('pagerduty', 'routing_key: a')}",
    "E323": receiver("pagerduty", "routing_key: a, details: {x: []}"),
    "E345": receiver("opsgenie", "message: m"),
    "E346": receiver("opsgenie", "api_key: a, api_key_file: /f"),
    "E347": receiver("opsgenie", "api_key: a, responders: [{type: team}]"),
    "E348": receiver("opsgenie", "api_key: a, responders: [{id: i, type: x}]"),
    "E350": receiver("victorops", "routing_key: r"),
    "E351": receiver("victorops", "routing_key: r, api_key: a, api_key_file: /f"),
    "E352": receiver("victorops", "api_key: a"),
    "E353": receiver("victorops", "routing_key: r, api_key: a, custom_fields: {entity_id: x}"),
    "E355": receiver("pushover", "token: t"),
    "E356": receiver("pushover", "user_key: u"),
    "E357": receiver("pushover", "user_key: u, token: t, token_file: /f"),
    "E358": receiver("pushover", "user_key: u, token: t, html: true, monospace: true"),
    "E383": receiver("jira", "api_url: 'https://a.example', issue_type: t"),
    "E384": receiver("jira", "api_url: 'https://a.example', project: p"),
    "E385": receiver(
        "jira", "api_url: 'https://a.example', project: p, issue_type: t, api_type: x"
    ),
    "E386": receiver("jira", "project: p, issue_type: t"),
    "E394": receiver("incidentio", "alert_source_token: t"),
    "E395": receiver("incidentio", "url: 'https://a.example', http_config: {}"),
}
CHAT = {
    "E330": receiver("slack", "channel: c"),
    "E331": receiver("slack", "api_url: 'https://a.example', api_url_file: /f"),
    "E332": receiver("slack", "api_url_file: /f, actions: [{type: b}]"),
    "E333": receiver("slack", "api_url_file: /f, fields: [{title: t}]"),
    "E334": receiver(
        "slack", "api_url_file: /f, actions: [{type: b, text: t, url: u, confirm: {title: t}}]"
    ),
    "E335": receiver("slack", "api_url: 'https://a.example', update_message: true"),
    "E336": receiver("slack", "app_token: t, http_config: {authorization: {credentials: c}}"),
    "E360": receiver("wechat", "corp_id: c"),
    "E361": receiver("wechat", "api_secret: s"),
    "E362": receiver("wechat", "api_secret: s, corp_id: c, message_type: x"),
    "E363": receiver("wechat", "api_secret: s, api_secret_file: /f, corp_id: c"),
    "E364": f"global: {{slack_app_url: ~}}\n{receiver('slack', 'api_url_file: /f')}",
    "E370": receiver("telegram", "chat_id: 1"),
    "E371": receiver("telegram", "bot_token: t"),
    "E372": receiver("telegram", "bot_token: t, chat_id: 1, parse_mode: html"),
    "E373": receiver("telegram", "bot_token: t, bot_token_file: /f, chat_id: 1"),
    "E375": receiver("discord", "title: t"),
    "E376": receiver("discord", "webhook_url: 'https://a.example', webhook_url_file: /f"),
    "E380": receiver("webex", "http_config: {authorization: {credentials: c}}"),
    "E381": receiver("webex", "room_id: r"),
    "E388": receiver("rocketchat", "token: t"),
    "E389": receiver("rocketchat", "token: t, token_id: i, token_file: /f"),
}
QUIET = {
    "E401": inhibit("source_match: {a-b: x}"),
    "E402": inhibit("source_match_re: {a: '('}"),
    "E403": inhibit("target_matchers: [a]"),
    "E404": inhibit("equal: [a-b]"),
    "W405": inhibit("target_matchers: [a=b], equal: [c]"),
    "W406": inhibit("source_matchers: [a=b], equal: [c]"),
    "W407": inhibit("source_matchers: [a=b], target_matchers: [a=c]"),
    "W408": inhibit("source_matchers: [a=b], target_matchers: [a=b], equal: [c]"),
    "E501": f"{BASE}time_intervals: [{{time_intervals: []}}]\n",
    "E502": f"{BASE}time_intervals: [{{name: t}}, {{name: t}}]\n",
    "E503": interval("times: [{start_time: '09:00'}]"),
    "E504": interval("times: [{start_time: '9:00', end_time: '10:00'}]"),
    "E505": interval("times: [{start_time: '19:00', end_time: '10:00'}]"),
    "E506": interval("weekdays: [mon]"),
    "E507": interval("days_of_month: ['32']"),
    "E508": interval("months: [jan]"),
    "E509": interval("years: ['2026:2024']"),
    "E510": interval("location: Nowhere/City"),
    "W511": interval("months: ['13']"),
    "W512": interval("location: UTC"),
}
SETTINGS = {
    "E601": f"{BASE}templates: ['[']\n",
    "E602": f"{BASE}templates: ['*.tmpl']\n",
    "W603": f"{BASE}templates: ['*.none']\n",
    "W604": receiver("webhook", "url: 'https://a.example', payload: x").replace(
        "payload: x", "url_file: ''"
    )
    + "  slack_configs: [{api_url_file: /f, title: '{{ .X'}]\n",
    "W605": f"{BASE}templates: ['x*[']\n",
    "E701": globally("opsgenie_api_key: a, opsgenie_api_key_file: /f"),
    "E702": globally("slack_app_token: a, slack_api_url: 'https://a.example'"),
    "E703": f"global: {{http_config: ~}}\n{receiver('slack', 'api_url_file: /f')}",
    "E720": http("bearer_token: a, bearer_token_file: /f"),
    "E721": http("basic_auth: {username: a}, authorization: {credentials: c}"),
    "E722": http("basic_auth: {password: a, password_file: /f}"),
    "E723": http("authorization: {credentials: a, credentials_file: /f}"),
    "E724": http("authorization: {type: ' basic '}"),
    "E725": http("oauth2: {client_secret: s, token_url: u}"),
    "E726": http("oauth2: {client_id: i, token_url: u}"),
    "E727": http("oauth2: {client_id: i, client_secret: s}"),
    "E728": http("oauth2: {client_id: i, client_secret: s, client_secret_file: /f, token_url: u}"),
    "E729": http("tls_config: {min_version: '1.2'}"),
    "E730": http("tls_config: {cert_file: /c}"),
    "E731": http("tls_config: {ca: c, ca_file: /f}"),
    "E732": http("no_proxy: x"),
    "E733": http("http_headers: {host: {values: [a]}}"),
    "E734": http(
        "oauth2: {client_id: i, token_url: u, signature_algorithm: x,"
        " grant_type: 'urn:ietf:params:oauth:grant-type:jwt-bearer'}"
    ),
    "E740": f"{BASE}tracing: {{}}\n",
    "E741": f"{BASE}event_recorder: {{file_outputs: [{{}}]}}\n",
    "W742": globally("resolve_timeout: 5s"),
}
ADVICE = {
    "W801": receiver("webhook", "url: 'http://a.example'"),
    "W802": http("tls_config: {insecure_skip_verify: true}"),
    "W803": globally("opsgenie_api_key: a"),
    "W804": globally("smtp_require_tls: false"),
    "W805": http("tls_config: {min_version: TLS10}"),
    "W806": receiver("webhook", "url: 'https://u:p@a.example'"),
    "W901": f"{BASE}- name: x\n",
    "W902": interval("weekdays: [monday]"),
    "I903": f"{BASE}mute_time_intervals: [{{name: t}}]\n",
    "I904": child("{match: {a: b}}"),
    "I905": BASE,
    "W906": child("{repeat_interval: 1m}"),
    "W907": child("{}\n  - {matchers: [a=b]}"),
    "I908": "route: {receiver: r}\nreceivers: [{name: r}]\n",
    "W909": receiver("msteams", "webhook_url: 'https://a.example'"),
}
BROKEN = FILE | ROUTES | DELIVERY | PAGING | CHAT | QUIET | SETTINGS | ADVICE

MORE = (
    ("E103", f"{BASE}x: 1\ntemplates: [[]]\n"),
    ("E103", receiver("telegram", "bot_token: t, chat_id: x")),
    ("E103", receiver("telegram", "bot_token: t, chat_id: 18446744073709551615")),
    ("E103", receiver("telegram", "bot_token: t, chat_id: [1]")),
    ("E103", child("{match: [a]}")),
    ("E103", child("{continue: 1}")),
    ("E103", child("x")),
    ("E103", f"{BASE}tracing: {{endpoint: e, sampling_fraction: x}}\n"),
    ("E105", child("{group_wait: NULL}")),
    ("E105", receiver("slack", "api_url_file: /f, timeout: 5x")),
    ("E106", http("proxy_url: ':'")),
    ("E108", receiver("opsgenie", "api_key: k, responders: [~]")),
    ("E108", inhibit("equal: [~]")),
    ("E211", child("{group_by: ['']}")),
    ("E322", f"global: NULL\n{receiver('pagerduty', 'routing_key: a')}"),
    ("E322", f"global: {{opsgenie_api_url: ~}}\n{receiver('opsgenie', 'api_key: a')}"),
    ("E322", f"global: {{victorops_api_url: ~}}\n{receiver('victorops', 'api_key: a')}"),
    ("E312", receiver("email", "to: a, headers: {references: x}, threading: {enabled: yes}")),
    ("E342", receiver("webhook", "url: 'https://a.example/{{ .X'")),
    ("E342", receiver("webhook", "url: <secret>")),
    ("E348", receiver("opsgenie", "api_key: k, responders: [{id: i, type: '{{ .X'}]")),
    ("E364", f"global: {{webex_api_url: ~}}\n{receiver('webex', 'room_id: r')}"),
    ("E364", f"global: {{wechat_api_url: ~}}\n{receiver('wechat', 'corp_id: c')}"),
    ("E365", receiver("sns", "topic_arn: t, target_arn: a")),
    ("E375", receiver("mattermost", "channel: c")),
    (
        "E395",
        receiver(
            "incidentio",
            "url: 'https://a', alert_source_token: t, http_config: "
            "{authorization: {credentials: c}}",
        ),
    ),
    ("E404", inhibit("equal: ['']")),
    ("E701", globally("rocketchat_token: '', rocketchat_token_file: /f")),
    ("E732", http("proxy_connect_header: {a: [b]}")),
    ("E732", http("proxy_from_environment: true, proxy_url: 'http://p.example'")),
    (
        "E728",
        http(
            "oauth2: {client_id: i, token_url: u, client_certificate_key: k,"
            " client_certificate_key_file: /k,"
            " grant_type: 'urn:ietf:params:oauth:grant-type:jwt-bearer'}"
        ),
    ),
    ("E740", f"{BASE}tracing: {{endpoint: e, client_type: x}}\n"),
    ("E740", f"{BASE}tracing: {{endpoint: e, compression: x}}\n"),
    ("E741", f"{BASE}event_recorder: {{webhook_outputs: [{{}}]}}\n"),
    ("E741", f"{BASE}event_recorder: {{webhook_outputs: [{{url: <secret>}}]}}\n"),
    (
        "E741",
        f"{BASE}event_recorder: {{webhook_outputs: [{{url: 'https://a', batch_max_events: 1}}]}}",
    ),
    ("E741", f"{BASE}event_recorder: {{kafka_outputs: [{{topic: t}}]}}\n"),
    ("E741", f"{BASE}event_recorder: {{kafka_outputs: [{{brokers: [''], topic: t}}]}}\n"),
    ("E741", f"{BASE}event_recorder: {{kafka_outputs: [{{brokers: [b]}}]}}\n"),
    ("E741", f"{BASE}event_recorder: {{kafka_outputs: [{{brokers: [b], topic: t, acks: x}}]}}\n"),
    ("W603", f"{BASE}templates: ['']\n"),
    ("W804", receiver("email", "to: a, require_tls: false")),
    ("W906", child("{group_interval: 5h, repeat_interval: 4h}")),
    ("W907", child("{matchers: [a=b]}\n  - {matchers: ['{a=\"b\"}']}")),
)
"""More ways to break a rule."""

GOOD = (
    child("{group_wait: ~, match_re: {a: NULL}, routes: NULL}"),
    receiver("pushover", "user_key: u, token: t, retry: NULL, expire: 1m"),
    receiver("slack", "api_url: <secret>, timeout: 5000000000"),
    receiver("telegram", "bot_token: t, chat_id: -1e3"),
    receiver("jira", "api_url: 'https://a', project: p, issue_type: t, summary: {template: x}"),
    receiver("jira", "api_url: 'https://a', project: p, issue_type: t, description: d"),
    receiver("webhook", "url: 'https://a.example', payload: {a: [1, {b: c}]}"),
    receiver("rocketchat", "token: '', token_id: i"),
    f"global: {{telegram_bot_token: t}}\n{receiver('telegram', 'chat_id: 1')}",
    f"global: {{slack_app_token: t}}\n{receiver('slack', 'channel: c')}",
    f"{BASE}tracing: {{endpoint: e, sampling_fraction: 0.5, client_type: http}}\n",
    f"{BASE}tracing: {{endpoint: e, sampling_fraction: 1, headers: {{a: {{values: [b]}}}}}}\n",
    f"{BASE}event_recorder: {{kafka_outputs: [{{brokers: [b], topic: t, acks: all}}]}}\n",
    f"{BASE}event_recorder: {{stdout_outputs: [{{}}], file_outputs: [{{path: p}}]}}\n",
    (
        f"{BASE}event_recorder: {{webhook_outputs: [{{url: 'https://a', batch: true,"
        " batch_max_events: 5}]}\n"
    ),
    http("http_headers: {X-Key: {secrets: [a]}, X-Null: ~}"),
    http("proxy_from_environment: true"),
    http("oauth2: {client_id: i, client_secret_file: /f, token_url: u, scopes: [a]}"),
    interval("weekdays: [~], times: [~]"),
    "global: ~\n" + BASE,
)
"""Configurations that are odd and right."""
