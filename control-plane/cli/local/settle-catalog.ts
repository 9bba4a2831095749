/** The catalog of a system on this machine: the example at the first start, later what its people made of it. */
import { join } from 'node:path'
import { readKeptJson, writeKeptFile } from '#server-kit/kept-file.ts'
import type { Client } from '../../api-client/client.ts'
import { connect } from '../connect.ts'
import { onLoopback } from './addresses.ts'
import type { Demo } from './demo-file.ts'
import { type CatalogText, readCatalogFolder, withAddresses } from './example-catalog.ts'
import { portsAt } from './ports.ts'

export interface SettleOptions {
  readonly root: string
  readonly demo: Demo
  readonly home: string
  readonly tell: (line: string) => void
}

/** After it the control plane has a table whose deployments are where the samples of this start listen. */
export async function settleCatalog({ root, home, demo, tell }: SettleOptions): Promise<void> {
  const client = connect({ url: demo.console, token: demo.adminToken })
  const at = onLoopback(portsAt(demo.base))
  const { files } = await client.catalog()
  const earlierBase = await readBase(home)
  if (files.length === 0) {
    const example = withAddresses(await readCatalogFolder(join(root, 'routes/example')), at)
    await apply(client, example, 'the example catalog')
    tell(`catalog: the example, ${example.length} files`)
  } else if (earlierBase !== undefined && earlierBase !== demo.base) {
    await apply(client, withAddresses(files, at, earlierBase), `the ports moved from ${earlierBase} to ${demo.base}`)
    tell(`catalog: its addresses moved with the ports to base ${demo.base}`)
  }
  if (earlierBase !== demo.base) await writeKeptFile(baseFile(home), `${demo.base}\n`)
}

/** Of the ports that the catalog names: written once they are in it, so that no crash in between makes it untrue. */
const baseFile = (home: string): string => join(home, 'control-plane', 'catalog-base.json')

async function readBase(home: string): Promise<number | undefined> {
  const kept = await readKeptJson(baseFile(home), 1024)
  return typeof kept === 'number' ? kept : undefined
}

async function apply(client: Client, files: readonly CatalogText[], reason: string): Promise<void> {
  await client.apply({ files: [...files], mode: 'whole', reason })
}
