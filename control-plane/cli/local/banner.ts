/** What `npm start` prints when all is ready: where everything is, and four commands that show what it is for. */
import type { Demo } from './demo-file.ts'

export interface BannerFacts {
  readonly demo: Demo
  /** Opens the console once; undefined when it could not be made. */
  readonly link: string | undefined
  readonly stores: string
  /** Units that are not where the catalog puts them, in words. */
  readonly placements: readonly string[]
  /** A service to try, and the path of a request to it. */
  readonly sample: { readonly service: string; readonly path: string }
  /** How the command is typed here. */
  readonly command: string
}

export function banner({ demo, link, stores, placements, sample, command }: BannerFacts): string {
  // By name: in the example, `localhost` is an alias of api.example.com, and an address is not.
  const edge = demo.edge.replace('127.0.0.1', 'localhost')
  const { onprem, cloud } = demo.gateways
  const rows: [string, string, string][] = [
    ['console', demo.console, link === undefined ? '' : 'open it by the link below'],
    ['edge', edge, 'clients come here'],
    ['gateway onprem', onprem.public, `internal ${onprem.internal}, Memcached protocol ${onprem.cache}`],
    ['gateway cloud', cloud.public, `internal ${cloud.internal}, Memcached protocol ${cloud.cache}`],
    ['services onprem', demo.services.onprem, 'samples: ?slow=500 and ?fail=503 work'],
    ['services cloud', demo.services.cloud, ''],
    ['monolith', demo.monolith, 'what it does with the cache'],
  ]
  const [names, urls] = [0, 1].map((column) => Math.max(...rows.map((row) => row[column]?.length ?? 0)))
  const get = `curl -s -H 'authorization: Bearer ${demo.token}' ${edge}${sample.path}`
  return [
    '',
    'Tidegate runs.',
    '',
    ...rows.map(([name, url, note]) => `  ${name.padEnd(names ?? 0)}  ${url.padEnd(urls ?? 0)}  ${note}`.trimEnd()),
    '',
    `  ${stores}`,
    ...(placements.length === 0 ? [] : ['', '  Away from home:', ...placements.map((line) => `    ${line}`)]),
    ...(link === undefined ? [] : ['', 'Console, this link opens it once:', `  ${link}`]),
    '',
    'Try, one after the other:',
    `  ${get}`,
    `  ${command} flip ${sample.service} --to cloud --reason 'a first try'`,
    `  ${get}`,
    `  ${command} rollback ${sample.service}`,
    '',
    'Ctrl-C stops it; the state is kept.',
  ].join('\n')
}
