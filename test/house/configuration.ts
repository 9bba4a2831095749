/** All keys of the configuration files, from the schemas by which the programs check them. */
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { root } from './repository.ts'

/** The part of JSON Schema that our configuration schemas use. */
export interface Shape {
  readonly type?: string
  readonly description?: string
  readonly default?: unknown
  readonly enum?: readonly unknown[]
  readonly const?: unknown
  readonly anyOf?: readonly Shape[]
  readonly properties?: Readonly<Record<string, Shape>>
  readonly required?: readonly string[]
  readonly patternProperties?: Readonly<Record<string, Shape>>
  readonly items?: Shape
  readonly minimum?: number
  readonly maximum?: number
}

export interface Key {
  /** `listen.public`, `zones[].name`, `peers.<name>.url`. */
  readonly path: string
  readonly takes: string
  readonly default: string
  readonly meaning: string
}

const schemas: Readonly<Record<string, string>> = {
  'gateway/config.ts': 'tidegate gateway --config FILE',
  'control-plane/config.ts': 'tidegate control-plane --config FILE',
  'edge-worker/host/config.ts': 'tidegate edge --config FILE',
}

export interface Program {
  readonly command: string
  readonly keys: readonly Key[]
}

/** One program for each schema file that is there; its schema is the exported object shape. */
export async function configuredPrograms(): Promise<Program[]> {
  const files = Object.keys(schemas).filter((file) => existsSync(join(root, file)))
  return Promise.all(
    files.map(async (file) => {
      const exported: Record<string, Shape | undefined> = await import(pathToFileURL(join(root, file)).href)
      const schema = Object.values(exported).find((value) => value?.type === 'object' && value.properties !== undefined)
      return { command: schemas[file] ?? file, keys: keysOf(schema ?? {}) }
    }),
  )
}

/** The keys below a shape, groups before their members. */
export function keysOf(shape: Shape, path = ''): Key[] {
  const named = Object.entries(shape.properties ?? {}).flatMap(([name, below]) =>
    keyAndBelow(below, path === '' ? name : `${path}.${name}`, shape.required?.includes(name) === true),
  )
  const free = Object.values(shape.patternProperties ?? {}).flatMap((below) => keysOf(below, `${path}.<name>`))
  const items = shape.items === undefined ? [] : keysOf(shape.items, `${path}[]`)
  const branches = (shape.anyOf ?? []).flatMap((branch) => keysOf(branch, path))
  return [...named, ...free, ...items, ...branches]
}

function keyAndBelow(shape: Shape, path: string, required: boolean): Key[] {
  const absent = required ? 'required' : 'absent'
  const fallback = shape.default === undefined ? absent : JSON.stringify(shape.default).replaceAll('"', '')
  return [{ path, takes: takes(shape), default: fallback, meaning: shape.description ?? '' }, ...keysOf(shape, path)]
}

function takes({ type, enum: choices, const: word, anyOf, items, minimum, maximum, patternProperties }: Shape): string {
  if (anyOf !== undefined) return [...new Set(anyOf.map(takes))].join(' or ')
  if (word !== undefined) return String(word)
  if (choices !== undefined) return choices.join(', ')
  if (type === 'array') return `list of ${items === undefined ? 'anything' : takes(items)}`
  if (type === 'object') return patternProperties === undefined ? 'group' : 'group by name'
  if (minimum !== undefined && maximum !== undefined) return `${type} ${minimum} to ${maximum}`
  return type ?? 'anything'
}

export function printConfigurationReference(programs: readonly Program[]): string {
  const tables = programs.map(({ command, keys }) => {
    const rows = keys.map((key) => `| \`${key.path}\` | ${key.takes} | ${key.default} | ${key.meaning} |`)
    return [`## \`${command}\``, '', '| key | takes | default | meaning |', '|---|---|---|---|', ...rows].join('\n')
  })
  return `${[heading, ...tables].join('\n\n')}\n`
}

const heading = `# Configuration

Written by \`npm run generate\` from the schemas by which the programs check their files; do not edit.

Files are YAML. An unknown key, a wrong unit or a missing value refuses the file whole, with line and column of every fault. \`\${NAME}\` and \`\${NAME:-default}\` are
replaced from the environment. Durations are written as \`250ms\`, \`5s\`, \`2m\`; sizes as \`64KiB\`, \`8MiB\`. A secret is a file or a reference, \`\${env:NAME}\` or
\`\${file:/path}\`, and never stands in the text.`
