/** The keys of catalog documents, and the schemas from which editors complete, from what the compiler checks by. */
import { catalogSchemas } from '#routes/catalog-schema.ts'
import { type Key, keysOf, type Shape } from './configuration.ts'

const documents = [
  ['sites', 'sites.yaml', 'The places where gateways and services run, and the hosts that clients call.'],
  ['teams', 'teams.yaml', 'Who owns services.'],
  ['service', 'services/NAME.yaml', 'One service, with its deployments and routes.'],
] as const

export function catalogKeys(): readonly { readonly file: string; readonly keys: readonly Key[] }[] {
  return documents.map(([kind, file]) => ({ file, keys: keysOf(catalogSchemas[kind] as Shape) }))
}

export function printCatalogReference(): string {
  const tables = documents.map(([kind, file, what]) => {
    const rows = keysOf(catalogSchemas[kind] as Shape).map(
      (key) => `| \`${key.path}\` | ${key.takes} | ${key.default} | ${key.meaning.replaceAll('|', '\\|')} |`,
    )
    return [`## \`${file}\``, '', what, '', '| key | takes | default | meaning |', '|---|---|---|---|', ...rows].join(
      '\n',
    )
  })
  return `${[heading, ...tables].join('\n\n')}\n`
}

/** For editors: `# yaml-language-server: $schema=...` in the first line of a document. */
export function catalogSchemaFiles(): Readonly<Record<string, string>> {
  return Object.fromEntries(
    documents.map(([kind]) => {
      const schema = { $schema: 'https://json-schema.org/draft/2020-12/schema', ...catalogSchemas[kind] }
      return [`docs/reference/schema/${kind}.json`, `${JSON.stringify(schema, null, 2)}\n`]
    }),
  )
}

const heading = `# Catalog

Written by \`npm run generate\` from the schemas by which catalogs are checked; do not edit. Editors complete from [schema/](schema): begin a service document with
\`# yaml-language-server: $schema=PATH/docs/reference/schema/service.json\`, as those in [routes/example](../../routes/example) do.

An unknown key, a wrong unit or an unknown name refuses the whole catalog, with file, line, column, value and the nearest valid name of every fault.`
