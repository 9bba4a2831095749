/** Catalog folders, and the example as it fits a system on this machine: the same texts with its addresses. */
import { createReadStream } from 'node:fs'
import { readdir } from 'node:fs/promises'
import { join, relative } from 'node:path'
import { text as textOf } from 'node:stream/consumers'
import { parse } from 'yaml'
import { isCatalogFile, isOpenApiFile, mostBytesOf } from '#routes/catalog-files.ts'
import { type Addresses, onLoopback } from './addresses.ts'
import { defaultBase, portsAt, sites } from './ports.ts'

export interface CatalogText {
  /** Path inside the catalog's folder. */
  readonly file: string
  readonly text: string
}

/** Every YAML file and OpenAPI document below `folder`, sorted by path; without hidden ones, as a repository's CI has them. */
export async function readCatalogFolder(folder: string): Promise<CatalogText[]> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true })
  const files = entries
    .filter((entry) => !entry.isDirectory() && isCatalogFile(entry.name))
    .map(({ parentPath, name }) => relative(folder, join(parentPath, name)))
    .filter((file) => !/(^|\/)\./.test(file))
    .sort()
  const texts: CatalogText[] = []
  // One after the other: thousands at once would be more open files than a process may have.
  for (const file of files) texts.push({ file, text: await readBeginning(join(folder, file)) })
  return texts
}

/** One byte more than a document may have: what is too large is refused by that alone, whatever its size. */
function readBeginning(path: string): Promise<string> {
  return textOf(createReadStream(path, { end: mostBytesOf(path) }))
}

/**
 * The texts with the addresses of the samples and gateways as they are now. They were written for a system on this
 * machine whose ports began at `base`; any other address is somebody's own and stays.
 */
export function withAddresses(files: readonly CatalogText[], to: Addresses, base: number = defaultBase): CatalogText[] {
  const from = onLoopback(portsAt(base))
  const now = new Map<string, string>()
  for (const site of sites) {
    now.set(from.sites[site].services, to.sites[site].services)
    now.set(from.sites[site].public, to.sites[site].public)
  }
  const address = /http:\/\/(?:127\.0\.0\.1|localhost)(:\d{4,5})\b/g
  const moved = (whole: string, port: string): string => now.get(`http://127.0.0.1${port}`) ?? whole
  return files.map(({ file, text }) => ({ file, text: text.replace(address, moved) }))
}

/** Every scope that a route of the catalog asks for: what a client of the example needs. */
export function scopesOf(files: readonly CatalogText[]): string[] {
  const scopes = new Set<string>()
  const walk = (value: unknown): void => {
    if (typeof value !== 'object' || value === null) return
    for (const [key, part] of Object.entries(value)) {
      if (key === 'scopes' && Array.isArray(part)) for (const scope of part) scopes.add(String(scope))
      else walk(part)
    }
  }
  for (const { file, text } of files) if (!isOpenApiFile(file)) walk(parse(text))
  return [...scopes].sort()
}
