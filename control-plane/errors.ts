import { defineProblems } from '#routes/problem.ts'

/** What can go wrong in the control plane, sorted by code. */
export const problems = defineProblems({
  'access-undeclared': {
    status: 500,
    meaning: 'The endpoint {method} {path} does not say who may call it.',
    fix: 'Give the route a `config.access`; an endpoint without one is never served.',
  },
  'action-not-allowed': {
    status: 403,
    meaning: '{actor} may not {action}: {because}.',
    fix: 'Ask an admin for a token with the scope {scope}: `tidegate token create NAME --scope {scope}`.',
  },
  'call-refused': {
    status: 401,
    meaning: 'The signature of this call is {verdict}.',
    fix: 'Check that both programs read the same key file of this purpose and that their clocks differ by less than a minute.',
  },
  'call-replayed': {
    status: 401,
    meaning: 'This very call was already made.',
    fix: 'Sign each call anew; if nobody repeats calls here, somebody else does: replace the keys.',
  },
  'catalog-implausible': {
    status: 422,
    meaning: 'Gateways and edges would refuse the new structure: {because}.',
    fix: 'A catalog that loses many routes on purpose needs `--allow-shrink`; one that grows very much is applied in parts.',
  },
  'catalog-invalid': {
    status: 422,
    meaning: 'The catalog has {faults}; nothing was changed.',
    fix: 'Mend each of these places and apply again.',
  },
  'changes-exhausted': {
    status: 503,
    meaning: '{limit} changes wait for their turn already.',
    fix: 'Send it again in a moment; nothing of it happened.',
  },
  'cloudflare-denied': {
    status: 502,
    meaning: 'Cloudflare refuses the token: {because}.',
    fix: 'Give the token "Workers Scripts: Edit" and "Workers KV Storage: Edit" of this account, then run `tidegate edge publish --reason WHY`.',
  },
  'cloudflare-unavailable': {
    status: 503,
    meaning: 'Cloudflare does not do it: {because}.',
    fix: 'Send it again in a moment. Traffic goes on: edges take tables from here, and from what they keep.',
  },
  'credential-missing': {
    status: 401,
    meaning: 'This endpoint needs a credential.',
    fix: 'Send `authorization: Bearer TOKEN`, or open the console by a one-time link.',
  },
  'credential-unknown': {
    status: 401,
    meaning: 'The credential is unknown, revoked or has expired.',
    fix: 'Create a new token: `tidegate token create NAME --scope read`.',
  },
  'failover-not-possible': {
    status: 422,
    meaning: 'Safe requests of {unit} cannot fail over to {to}: it owns the unit, and is asked first.',
    fix: 'Name a site that does not own it.',
  },
  'echo-unknown': {
    status: 400,
    meaning: 'Gateways of this release do not know the echo {behaviour}.',
    fix: 'Ask for plain, gzip, sse, early, cache or slow<seconds>, with at most 130 seconds.',
  },
  'force-time-invalid': {
    status: 400,
    meaning: 'A word that forces a site cannot be valid for {time}.',
    fix: 'Ask for at most 24h, and again when that is over.',
  },
  'edge-build-failed': {
    status: 500,
    meaning: 'The edge script could not be built: {because}.',
    fix: 'Run it by hand to see all that it says: node edge-worker/host/build.ts --table FILE --out FOLDER.',
  },
  'edge-deployment-foreign': {
    status: 409,
    meaning: 'The edge script is being deployed gradually, and by no publication that is known here: {shares}.',
    fix: 'Finish that deployment or take it back (`npx wrangler versions deploy`), then publish again.',
  },
  'edge-nothing-to-roll-back': {
    status: 409,
    meaning: 'No publication of the edge script is under way or in force that could be taken back.',
    fix: 'See `tidegate edge versions`; any version of the last hundred can be deployed by `npx wrangler versions deploy`.',
  },
  'edge-publication-open': {
    status: 409,
    meaning: 'The publication {tag} is under way ({state}).',
    fix: 'Wait until it is confirmed (`tidegate edge versions`), or take it back: `tidegate edge rollback --reason WHY`.',
  },
  'edge-publishing-off': {
    status: 409,
    meaning: 'This control plane does not publish to Cloudflare.',
    fix: 'Add the group `cloudflare` to control-plane.yaml; self-hosted edges poll their tables and need none.',
  },
  'edge-script-too-large': {
    status: 422,
    meaning: 'The edge script is not uploaded: {because}.',
    fix: 'Fewer routes make the table smaller: `/svc/**` stands for a whole service. The code is ours: report it.',
  },
  'edge-script-unknown': {
    status: 409,
    meaning: 'Nothing is deployed under the name {script}.',
    fix: 'Deploy it once with its secrets and bindings: `npm run deploy:edge`; and check `cloudflare.script`.',
  },
  'gateway-away': {
    status: 503,
    meaning: 'No gateway process of {site} is there to be asked ({instance}).',
    fix: 'See `tidegate status` for the processes of each site; start one, or ask another.',
  },
  'gateway-path-unknown': {
    status: 404,
    meaning: 'Gateways offer nothing under this path to operators.',
    fix: 'docs/architecture.md lists what the internal API of a gateway offers: status, routes, upstreams, recorder, retries, hops, explain, extensions, drain, reload.',
  },
  'gateway-unreachable': {
    status: 502,
    meaning: 'The gateway did not answer.',
    fix: 'Check that the control plane reaches the internal listener of the site; the cause is in the log under the request id.',
  },
  'home-in-use': {
    status: 409,
    meaning: 'Another control plane works in {home}.',
    fix: 'Stop it first, or give this one a `home` of its own; SQLite has one writer.',
  },
  'host-foreign': {
    status: 421,
    meaning: 'The console is not served under the host name {host}.',
    fix: 'Open it under `publicUrl` of control-plane.yaml.',
  },
  'instance-removed': {
    status: 410,
    meaning: 'The gateway process {instance} of {site} has left or was removed.',
    fix: 'Register again under a new instance id.',
  },
  'instance-unknown': {
    status: 404,
    meaning: 'No gateway process {instance} of {site} is registered.',
    fix: 'Register first: PUT /api/v1/sites/{site}/gateways/{instance}.',
  },
  'invalidation-empty': {
    status: 400,
    meaning: 'The invalidation names nothing.',
    fix: 'Give at least one of urls, prefixes, tags, groups and routes, or `all`.',
  },
  'invalidation-failed': {
    status: 503,
    meaning: 'No site took the invalidation; what is cached is still served.',
    fix: 'See `sites` in this answer for why, and `tidegate status` for the processes; then send it again.',
  },
  'invalidation-refused': {
    status: 422,
    meaning: 'The invalidation cannot be followed: {because}',
    fix: 'Correct the word that is named, then send all of it again: whatever a site has applied already does no harm.',
  },
  'invalidation-too-large': {
    status: 413,
    meaning: 'The invalidation has {count} words; {limit} are taken at once.',
    fix: 'Send it in parts, or name a tag, a route or the whole service.',
  },
  'invalidation-unclear': {
    status: 400,
    meaning: 'The invalidation needs a service or a namespace, and not both.',
    fix: 'Name the service whose answers are meant, as in the catalog.',
  },
  'key-file-refused': {
    status: 500,
    meaning: 'The key file {path} is not usable: {because}.',
    fix: 'Write it anew by `tidegate keys init DIR`.',
  },
  'link-spent': {
    status: 401,
    meaning: 'This login link is unknown, was used or has expired.',
    fix: 'Ask for a new one: `tidegate console`.',
  },
  'no-table': {
    status: 409,
    meaning: 'No catalog was applied yet.',
    fix: 'Apply one: `tidegate apply DIR`.',
  },
  'nothing-to-roll-back': {
    status: 409,
    meaning: 'The unit {unit} has made no move that could be taken back.',
    fix: 'See `tidegate get units`; a flip sets a placement by hand.',
  },
  'origin-foreign': {
    status: 403,
    meaning: 'The request comes from a page of another origin.',
    fix: 'Use the console itself, or a token instead of its session.',
  },
  'planner-lost': {
    status: 500,
    meaning: 'The thread that read the catalog ended with {code} before it had a plan; nothing was changed.',
    fix: 'Apply fewer files at once (mode merge), and see the memory of this machine.',
  },
  'precondition-invalid': {
    status: 400,
    meaning: 'If-Match is {value}, which is not an epoch.',
    fix: 'Send the epoch that you saw, as `If-Match: "7"`.',
  },
  'precondition-required': {
    status: 428,
    meaning: 'This change needs If-Match with the epoch that you saw; {unit} is at {epoch}.',
    fix: 'Read the unit first, then send `If-Match: "{epoch}"`.',
  },
  'schema-differs': {
    status: 500,
    meaning: 'The database has another history than this program: {because}.',
    fix: 'Start the program that wrote it, or a newer one; never an older one.',
  },
  'service-unknown': {
    status: 404,
    meaning: 'The catalog has no service {service}{nearest}.',
    fix: 'List them: `tidegate get services`.',
  },
  'shadow-not-possible': {
    status: 422,
    meaning: 'Copies of the requests of {unit} to {to} are not possible: {because}.',
    fix: '{advice}',
  },
  'site-unknown': {
    status: 404,
    meaning: 'The catalog has no site {site}{nearest}.',
    fix: 'Name it in sites.yaml and apply, or correct `site` in gateway.yaml.',
  },
  'site-without-deployment': {
    status: 422,
    meaning: '{unit} has no deployment at {site}; it has {sites}{nearest}.',
    fix: 'Add the deployment to the catalog and apply it, or name another site.',
  },
  'split-not-possible': {
    status: 422,
    meaning: 'This split of {unit} is not possible: {because}.',
    fix: '{advice}',
  },
  'stale-revision': {
    status: 412,
    meaning: 'You saw epoch {seen} of {unit}; it is at {epoch} since {actor} changed it: {reason}.',
    fix: 'Look at the change, then repeat yours with `If-Match: "{epoch}"` if you still want it.',
  },
  'store-unusable': {
    status: 503,
    meaning: 'The database in {home} cannot be used: {because}.',
    fix: 'If its disk is full, make room. If the file is damaged, stop the control plane, remove tidegate.db-wal and tidegate.db-shm, and put a backup in the place of tidegate.db.',
  },
  'streams-exhausted': {
    status: 503,
    meaning: 'All {limit} event streams are taken.',
    fix: 'Close other consoles, or wait: streams of vanished clients end by themselves.',
  },
  'table-unknown': {
    status: 404,
    meaning: 'There is no placements number {number}; the newest is {newest}.',
    fix: 'List them: `tidegate get tables`.',
  },
  'token-too-wide': {
    status: 403,
    meaning: 'A token cannot give more than its creator has: {scopes}.',
    fix: 'Ask for fewer scopes, or ask an admin.',
  },
  'token-unknown': {
    status: 404,
    meaning: 'There is no token {id}.',
    fix: 'List them: `tidegate token ls`.',
  },
  'unit-contended': {
    status: 409,
    meaning: 'The placement of {unit} was changed in the same moment.',
    fix: 'Nothing of this change happened; send it again.',
  },
  'unit-unknown': {
    status: 404,
    meaning: 'There is no unit {unit}{nearest}.',
    fix: 'List them: `tidegate get units`.',
  },
  'waits-exhausted': {
    status: 503,
    meaning: 'Too many requests wait for adoption.',
    fix: 'Ask without `wait`, or again in a moment.',
  },
  'writers-exhausted': {
    status: 503,
    meaning: 'All {limit} writer numbers are held by live gateway processes.',
    fix: 'Remove processes that are gone: DELETE /api/v1/gateways/SITE/INSTANCE.',
  },
})
