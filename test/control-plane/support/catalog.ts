/** A small catalog for tests: two sites, and services as asked. */
import type { CatalogFile } from '#routes/catalog.ts'

export const sitesFile: CatalogFile = {
  file: 'sites.yaml',
  text: `sites:
  - name: onprem
    country: DE
    origin: http://127.0.0.1:17101
  - name: cloud
    country: IE
    origin: http://127.0.0.1:17201
hosts:
  - name: api.example.com
`,
}

export const teamsFile: CatalogFile = {
  file: 'teams.yaml',
  text: `teams:
  - name: team-commerce
`,
}

export interface ServiceOptions {
  readonly state?: string
  readonly key?: string
  readonly routes?: readonly string[]
  readonly sites?: readonly string[]
}

export function serviceFile(name: string, options: ServiceOptions = {}): CatalogFile {
  const {
    state = 'shared',
    key = '[header:x-device-id]',
    routes = [`/v1/${name}/{id}`],
    sites = ['onprem', 'cloud'],
  } = options
  const deployments = sites.map((site) => `  ${site}: { url: http://${name}.${site}.internal:8080 }`).join('\n')
  const listed = routes.map((path) => `  - path: ${path}\n    auth: public\n`).join('')
  const text = `service: ${name}
owner: team-commerce
state: ${state}
key: ${key}
deployments:
${deployments}
routes:
${listed}`
  return { file: `services/${name}.yaml`, text }
}

/** A whole catalog with these services. */
export function catalogOf(...services: readonly CatalogFile[]): readonly CatalogFile[] {
  return [sitesFile, teamsFile, ...services]
}
