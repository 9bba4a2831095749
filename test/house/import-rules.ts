/** Which room may import what: docs/CONTRIBUTING.md, "Direction of imports". Pure: files in, faults out. */
import { dirname, join } from 'node:path/posix'
import type { SourceFile } from './repository.ts'

interface Rule {
  /** The files that this rule speaks of; the first rule that fits holds. */
  readonly files: RegExp
  /** What they may import: paths of ours, `node:...`, or package names. */
  readonly may: RegExp
  /** What they may not, though `may` would allow it. */
  readonly never?: RegExp
}

const anyPackage = String.raw`(?:@[\w-]+\/)?[a-z][\w.-]*(?:\/[\w./-]+)?$`
const outside = `node:.*|package:${anyPackage}`
const kit = String.raw`server-kit\/.*`
const language = String.raw`routes\/.*`
const yamlOrSchema = String.raw`package:(?:yaml|typebox)(?:\/.*)?`

const rules: readonly Rule[] = [
  {
    files: /^routes\/(?:catalog|document|quantity|[a-z-]+-schema\.ts|schema-texts\.ts)/,
    may: only(language, yamlOrSchema),
  },
  { files: /^routes\//, may: only(language) },
  { files: /^server-kit\//, may: only(kit, String.raw`routes\/(?:problem|document|quantity)\.ts`, outside) },
  { files: /^edge-worker\/host\//, may: only(String.raw`edge-worker\/.*`, kit, language, outside) },
  {
    files: /^edge-worker\//,
    may: only(String.raw`edge-worker\/(?!host\/).*`, language, 'cloudflare:.*', 'package:itty-router'),
    never: /^routes\/(?:catalog|compile|document)/,
  },
  { files: /^gateway\//, may: only(String.raw`gateway\/.*`, kit, language, outside) },
  // It runs at build time, in Node.
  { files: /^control-plane\/console\/vite\.config\.ts$/, may: only(outside) },
  {
    files: /^control-plane\/console\//,
    may: only(String.raw`control-plane\/(?:console|api-client)\/.*`, language, `package:${anyPackage}`),
  },
  {
    files: /^control-plane\/(?:cli|api-client)\//,
    may: only(String.raw`control-plane\/(?:cli|api-client)\/.*`, kit, language, outside),
  },
  {
    files: /^control-plane\/add-ons\/(?:broker-kit|brokers)\//,
    may: only(String.raw`control-plane\/add-ons\/(?:broker-kit|brokers)\/.*`, kit, language, outside),
  },
  {
    files: /^control-plane\/[\w-]+\.ts$/,
    may: only(String.raw`control-plane\/(?!cli|console).*`, kit, language, outside),
  },
  {
    files: /^control-plane\/store\//,
    may: only(String.raw`control-plane\/(?!cli|console|app\.ts).*`, kit, language, outside),
  },
  {
    files: /^control-plane\//,
    may: only(String.raw`control-plane\/(?!cli|console).*`, kit, language, outside),
    never: /^control-plane\/(?:store\/(?!rows\.ts)|app\.ts|main\.ts|api-client\/(?!(?:[a-z]+-)?schema\.ts))/,
  },
  { files: /^(?:bench|test)\//, may: /./ },
]

/** `itty-router` serves the endpoints only; traffic goes through the trie. */
const onlyIn: readonly { readonly imported: RegExp; readonly by: RegExp }[] = [
  { imported: /^package:itty-router/, by: /^(?:edge-worker\/endpoints|bench\/|test\/)/ },
]

/** Pure rooms take time, randomness and answers as arguments. */
const impure = /\b(?:Date\.now|Math\.random|performance\.now|process\.\w+)\b|\bfetch\(/

export interface Import {
  readonly specifier: string
  /** `routes/table.ts`, `node:fs`, `package:yaml`. */
  readonly target: string
}

/** Every fault as `file: what`. */
export function importFaults(files: readonly SourceFile[]): string[] {
  const phases = new Set(files.filter(isPhase).map(({ path }) => path))
  return files.flatMap(({ path, text }) => {
    const code = withoutComments(text)
    const rule = rules.find(({ files }) => files.test(path))
    if (rule === undefined) return [`${path}: no rule says what this room may import`]
    const faults = importsOf(path, code)
      .filter(({ target }) => !allows(rule, path, target))
      .map(({ specifier }) => `${path}: may not import ${specifier}`)
    if (path.startsWith('routes/') && impure.test(code))
      faults.push(`${path}: ${impure.exec(code)?.[0]} makes it impure`)
    const otherPhases = importsOf(path, code).filter(({ target }) => phases.has(path) && phases.has(target))
    faults.push(...otherPhases.map(({ specifier }) => `${path}: a phase may not import the phase ${specifier}`))
    return faults
  })
}

/** Type-only imports too: they bind rooms as much as others do. */
export function importsOf(path: string, code: string): Import[] {
  const found = code.matchAll(
    /(?:^\s*(?:import|export)\b[^'"`;]*?\bfrom\s*|^\s*import\s*|\bimport\(\s*)['"]([^'"\n]+)['"]/gm,
  )
  return Array.from(found, ([, specifier = '']) => ({ specifier, target: targetOf(path, specifier) }))
}

function targetOf(path: string, specifier: string): string {
  if (specifier.startsWith('#')) return specifier.slice(1)
  if (specifier.startsWith('.')) return join(dirname(path), specifier)
  return /^(?:node|cloudflare):/.test(specifier) ? specifier : `package:${specifier}`
}

function allows({ may, never }: Rule, path: string, target: string): boolean {
  if (onlyIn.some(({ imported, by }) => imported.test(target) && !by.test(path))) return false
  return sameSlice(path, target) || (may.test(target) && never?.test(target) !== true && !foreignApi(path, target))
}

/** A slice's `api.ts` is its own; other slices use its domain file or port. */
const foreignApi = (path: string, target: string): boolean =>
  /^control-plane\/[^/]+\//.test(path) && /^control-plane\/[^/]+\/api\.ts$/.test(target)

const sameSlice = (path: string, target: string): boolean => {
  const slice = /^control-plane\/[^/]+\//.exec(path)?.[0]
  return slice !== undefined && !slice.endsWith('/add-ons/') && target.startsWith(slice)
}

/** A gateway file that makes a `Phase`; `gateway.ts` puts them in order. */
const isPhase = ({ path, text }: SourceFile): boolean =>
  path.startsWith('gateway/') &&
  path !== 'gateway/phases.ts' &&
  !/^gateway\/[a-z-]+\/open-[a-z-]+\.ts$/.test(path) &&
  /\)\s*:\s*Phase\b|\bimplements Phase\b|:\s*Phase\s*=/.test(text)

const withoutComments = (text: string): string => text.replace(/\/\*[\s\S]*?\*\/|(?<!:)\/\/.*$/gm, '')

function only(...targets: readonly string[]): RegExp {
  return new RegExp(`^(?:${targets.join('|')})`)
}
