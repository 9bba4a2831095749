/** The repository's own texts, as the house tests see them. */
import { readdirSync, readFileSync } from 'node:fs'
import { dirname, join, relative } from 'node:path'
import { fileURLToPath } from 'node:url'

export const root = dirname(dirname(dirname(fileURLToPath(import.meta.url))))

/** The rooms that make up the product; `bench` and `test` only use them. */
export const sourceRooms = ['routes', 'server-kit', 'gateway', 'edge-worker', 'control-plane']

export interface SourceFile {
  /** From the root, with `/`. */
  readonly path: string
  readonly text: string
}

/** Not ours, not written by hand, or data. */
const leftOut = new Set([
  'node_modules',
  '.git',
  '.tidegate',
  '.wrangler',
  '.vite',
  'dist',
  'coverage',
  'corpora',
  'results',
])
const generated = [
  /\.generated\./,
  /^edge-worker\/bundled-structure\./,
  /^control-plane\/api-client\/schema\.ts$/,
  /worker-configuration\.d\.ts$/,
]

/** All files whose path matches, in order of their paths. */
export function repositoryFiles(pattern: RegExp): SourceFile[] {
  return walk(root)
    .map((path) => relative(root, path))
    .filter((path) => pattern.test(path) && !generated.some((made) => made.test(path)))
    .sort()
    .map((path) => ({ path, text: readFileSync(join(root, path), 'utf8') }))
}

/** The code of the product. */
export const sourceFiles = (): SourceFile[] =>
  repositoryFiles(new RegExp(`^(?:${sourceRooms.join('|')})/.*\\.(?:ts|tsx|mjs)$`)).filter(
    ({ path }) => !path.endsWith('.d.ts'),
  )

export const readText = (path: string): string => readFileSync(join(root, path), 'utf8')

function walk(folder: string): string[] {
  return readdirSync(folder, { withFileTypes: true }).flatMap((entry) => {
    if (leftOut.has(entry.name)) return []
    const path = join(folder, entry.name)
    if (entry.isDirectory()) return walk(path)
    return entry.isFile() ? [path] : []
  })
}
