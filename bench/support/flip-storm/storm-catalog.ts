/** The service that the storm moves to and fro, for the example's catalog. */
export const unit = 'storm'

export function stormService(urls: Readonly<Record<'onprem' | 'cloud', string>>): { file: string; text: string } {
  return {
    file: 'services/storm.yaml',
    text: `service: ${unit}
owner: team-commerce
repository: https://gitlab.example.com/commerce/storm
tier: 1
state: shared
key: [header:x-device-id]
deployments:
  onprem: { url: ${urls.onprem}, capacity: 2000rps }
  cloud: { url: ${urls.cloud}, capacity: 2000rps }
routes:
  - path: /v1/storm/items
    methods: [POST]
    auth: { scopes: [orders:write] }
  - path: /v1/storm/items/{id}
    methods: [GET]
    auth: { scopes: [orders:read] }
  - path: /v1/storm/events
    methods: [GET]
    auth: { scopes: [orders:read] }
    stream: true
  - path: /v1/storm/socket
    methods: [GET]
    auth: { scopes: [orders:read] }
    upgrade: [websocket]
`,
  }
}
