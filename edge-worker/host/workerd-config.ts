/** The configuration of one workerd process as Cap'n Proto text. Pure: paths and ports come in, text goes out. */
import { certificatePattern, type SitePlace } from './site-place.ts'

export interface WorkerdSettings {
  readonly name: string
  readonly version: string
  /** File names beside the configuration. */
  readonly codeFile: string
  readonly tableFile: string
  /** Site -> its gateway. */
  readonly sites: Readonly<Record<string, SitePlace>>
  readonly trustedClientIpHeader: string | undefined
  readonly trustedCountryHeader: string | undefined
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

/** Names of the sockets: clients', whose descriptor is handed down, and the supervisor's own two, on free ports. */
export const sockets = { traffic: 'http', supervisor: 'supervisor', hold: 'hold' } as const

/** workerd 1.20261102 knows this date; the flags make a client's leaving reach the origin (edge trap D17). */
export const compatibilityDate = '2026-11-01'
export const compatibilityFlags = ['enable_request_signal', 'request_signal_passthrough']

export function workerdConfig(settings: WorkerdSettings): string {
  const sites = Object.entries(settings.sites).map(([site, place], index) => ({
    site,
    place,
    binding: `SITE_${index}`,
  }))
  const bound = Object.fromEntries(sites.map(({ site, binding }) => [site, `binding:${binding}`]))
  const texts: [string, string | undefined][] = [
    ['PLATFORM', 'self-hosted'],
    ['EDGE_NAME', settings.name],
    ['EDGE_VERSION', settings.version],
    ['SITES', JSON.stringify(bound)],
    ['TRUSTED_CLIENT_IP_HEADER', settings.trustedClientIpHeader],
    ['TRUSTED_COUNTRY_HEADER', settings.trustedCountryHeader],
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
${sites.map(({ place, binding }) => `    (name = ${quote(binding)}, external = ${external(place)}),`).join('\n')}
    (name = "tables", external = (address = ${quote(settings.tablesAddress)}, http = ())),
    # A global fetch() reaches nothing: whatever a request says, it cannot make the edge call other machines.
    (name = "nowhere", network = (allow = [])),
  ],
  sockets = [
    (name = ${quote(sockets.traffic)}, http = (), service = "edge"),
    (name = ${quote(sockets.supervisor)}, address = "127.0.0.1:0", http = (), service = "edge"),
    (name = ${quote(sockets.hold)}, address = "127.0.0.1:0", http = (), service = (name = "edge", entrypoint = "hold")),
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

function external({ url, ca, certificate, key, certificateHost }: SitePlace): string {
  const { protocol, hostname, port } = new URL(url)
  if (protocol === 'http:') return `(address = ${quote(`${hostname}:${port || 80}`)}, http = ())`
  const authorities = (ca?.match(certificatePattern) ?? []).map(quote)
  const trust = ca === undefined ? 'trustBrowserCas = true' : `trustedCertificates = [${authorities.join(', ')}]`
  const shown =
    certificate === undefined || key === undefined
      ? ''
      : `, keypair = (privateKey = ${quote(key)}, certificateChain = ${quote(certificate)})`
  const tls = `tlsOptions = (${trust}${shown}), certificateHost = ${quote(certificateHost ?? hostname)}`
  return `(address = ${quote(`${hostname}:${port || 443}`)}, https = (options = (), ${tls}))`
}

/** Cap'n Proto text. But for line ends in PEM, no value has control characters: schema, codec and URL parser let none through. */
function quote(text: string): string {
  return `"${text.replace(/[\\"]/g, '\\$&').replaceAll('\r', '').replaceAll('\n', '\\n')}"`
}
