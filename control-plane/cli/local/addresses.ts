/** Where the programs of one system listen and reach one another: on one machine, or each in a container of its own. */
import { type ExampleSite, type Ports, sites } from './ports.ts'

export interface SiteAddresses {
  readonly listen: { readonly public: string; readonly internal: string; readonly cache: string }
  readonly public: string
  readonly internal: string
  /** `host:port` of the gateway's own Memcached port. */
  readonly cache: string
  readonly services: string
  /** `host:port`. */
  readonly redis: string
  /** `host:port`, one Memcached zone each. */
  readonly zones: readonly string[]
}

export interface Addresses {
  readonly controlPlane: {
    readonly listen: { readonly public: string; readonly internal: string }
    readonly url: string
  }
  /** As a person's browser reaches the console. */
  readonly console: string
  readonly edge: { readonly listen: string; readonly url: string }
  readonly monolith: { readonly listen: string; readonly url: string }
  readonly sites: Readonly<Record<ExampleSite, SiteAddresses>>
}

/** All on this machine's loopback. */
export function onLoopback(ports: Ports): Addresses {
  return addresses(ports, '127.0.0.1', () => '127.0.0.1')
}

/** Each program under the name of its service in docker-compose.yml; only what that file publishes is seen outside. */
export function inContainers(ports: Ports): Addresses {
  return addresses(ports, '0.0.0.0', (service) => service)
}

function addresses(ports: Ports, bind: string, hostOf: (service: string) => string): Addresses {
  const listen = (port: number): string => `${bind}:${port}`
  const at = (service: string, port: number): string => `${hostOf(service)}:${port}`
  const url = (service: string, port: number): string => `http://${at(service, port)}`
  const site = (name: ExampleSite): SiteAddresses => {
    const own = ports.sites[name]
    return {
      listen: { public: listen(own.public), internal: listen(own.internal), cache: listen(own.cache) },
      public: url(`gateway-${name}`, own.public),
      internal: url(`gateway-${name}`, own.internal),
      cache: at(`gateway-${name}`, own.cache),
      services: url(`services-${name}`, own.services),
      redis: at(`redis-${name}`, own.redis),
      zones: own.zones.map((port, index) => at(`memcached-${zoneName(name, index)}`, port)),
    }
  }
  return {
    controlPlane: {
      listen: { public: listen(ports.console), internal: listen(ports.internal) },
      url: url('control-plane', ports.console),
    },
    console: `http://127.0.0.1:${ports.console}`,
    edge: { listen: listen(ports.edge), url: url('edge', ports.edge) },
    monolith: { listen: listen(ports.monolith), url: url('monolith', ports.monolith) },
    sites: Object.fromEntries(sites.map((name) => [name, site(name)])) as Record<ExampleSite, SiteAddresses>,
  }
}

/** `cloud-a`, `cloud-b`. */
export function zoneName(site: ExampleSite, index: number): string {
  return `${site}-${'abcdefgh'.charAt(index)}`
}
