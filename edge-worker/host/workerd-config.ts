/** The configuration of one workerd process as Cap'n Proto text. Pure: paths and ports come in, text goes out. */

export interface WorkerdSettings {
  readonly name: string
  readonly version: string
  /** File names beside the configuration. */
  readonly codeFile: string
  readonly tableFile: string
  /** Site -> URL of its gateway. */
  readonly sites: Readonly<Record<string, string>>
  readonly trustedClientIpHeader: string | undefined
  /** `host:port` of the supervisor's table listener. */
  readonly tablesAddress: string
}

/** Variables of the child that hold secrets: they must not lie in a file. */
export const secretVariables = {
  TABLE_KEYS: 'TIDEGATE_EDGE_TABLE_KEYS',
  GATEWAY_RING: 'TIDEGATE_EDGE_GATEWAY_RING',
  CONTROL_RING: 'TIDEGATE_EDGE_CONTROL_RING',
  TABLES_TOKEN: 'TIDEGATE_EDGE_TABLES_TOKEN',
} as const

/** Names of the two sockets: clients', whose descriptor is handed down, and the supervisor's own, on a free port. */
export const sockets = { traffic: 'http', supervisor: 'supervisor' } as const

/** workerd 1.20261102 knows this date; the flags make a client's leaving reach the origin (edge trap D17). */
const compatibilityDate = '2026-11-01'
const compatibilityFlags = ['enable_request_signal', 'request_signal_passthrough']

export function workerdConfig(settings: WorkerdSettings): string {
  const sites = Object.entries(settings.sites).map(([site, url], index) => ({ site, url, binding: `SITE_${index}` }))
  const bound = Object.fromEntries(sites.map(({ site, binding }) => [site, `binding:${binding}`]))
  const texts: [string, string | undefined][] = [
    ['PLATFORM', 'self-hosted'],
    ['EDGE_NAME', settings.name],
    ['EDGE_VERSION', settings.version],
    ['SITES', JSON.stringify(bound)],
    ['TRUSTED_CLIENT_IP_HEADER', settings.trustedClientIpHeader],
  ]
  const bindings = [
    ...texts.flatMap(([name, text]) => (text === undefined ? [] : [`(name = ${quote(name)}, text = ${quote(text)})`])),
    ...Object.entries(secretVariables).map(
      ([name, variable]) => `(name = ${quote(name)}, fromEnvironment = ${quote(variable)})`,
    ),
    ...sites.map(({ binding }) => `(name = ${quote(binding)}, service = ${quote(binding)})`),
    `(name = "TABLES", service = "tables")`,
  ]
  return `using Workerd = import "/workerd/workerd.capnp";

const config :Workerd.Config = (
  services = [
    (name = "edge", worker = .edge),
${sites.map(({ url, binding }) => `    (name = ${quote(binding)}, external = ${external(url)}),`).join('\n')}
    (name = "tables", external = (address = ${quote(settings.tablesAddress)}, http = ())),
    # A global fetch() reaches nothing: whatever a request says, it cannot make the edge call other machines.
    (name = "nowhere", network = (allow = [])),
  ],
  sockets = [
    (name = ${quote(sockets.traffic)}, http = (), service = "edge"),
    (name = ${quote(sockets.supervisor)}, address = "127.0.0.1:0", http = (), service = "edge"),
  ],
);

const edge :Workerd.Worker = (
  modules = [
    (name = "worker.js", esModule = embed ${quote(settings.codeFile)}),
    (name = "bundled-structure.json", json = embed ${quote(settings.tableFile)}),
  ],
  compatibilityDate = ${quote(compatibilityDate)},
  compatibilityFlags = [${compatibilityFlags.map(quote).join(', ')}],
  globalOutbound = "nowhere",
  bindings = [
${bindings.map((binding) => `    ${binding},`).join('\n')}
  ],
);
`
}

function external(url: string): string {
  const { protocol, hostname, port } = new URL(url)
  if (protocol === 'http:') return `(address = ${quote(`${hostname}:${port || 80}`)}, http = ())`
  const tls = `tlsOptions = (trustBrowserCas = true), certificateHost = ${quote(hostname)}`
  return `(address = ${quote(`${hostname}:${port || 443}`)}, https = (options = (), ${tls}))`
}

/** Cap'n Proto text. No value has control characters: schema, codec and URL parser let none through. */
function quote(text: string): string {
  return `"${text.replace(/[\\"]/g, '\\$&')}"`
}
