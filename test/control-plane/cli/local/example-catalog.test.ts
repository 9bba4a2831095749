import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { inContainers, onLoopback } from '../../../../control-plane/cli/local/addresses.ts'
import { readCatalogFolder, scopesOf, withAddresses } from '../../../../control-plane/cli/local/example-catalog.ts'
import { portsAt } from '../../../../control-plane/cli/local/ports.ts'
import { root } from '../../../../control-plane/cli/root.ts'
import { limits } from '../../../../routes/catalog-schema.ts'
import { temporaryFolder } from '../../../support/temporary-folder.ts'

const example = () => readCatalogFolder(join(root, 'routes/example'))
const file = (text: string) => [{ file: 'a.yaml', text }]

describe('the example catalog', () => {
  it('is read whole, in an order that does not depend on the disk', async () => {
    const names = (await example()).map(({ file: name }) => name)

    expect(names).toContain('sites.yaml')
    expect(names).toContain('services/orders.yaml')
    expect(names).toEqual([...names].sort())
  })

  it('of any folder is its YAML files and OpenAPI documents: no folder that is named like one, nothing hidden', async () => {
    await using folder = await temporaryFolder()
    for (const path of ['services.yaml', '.github/workflows']) await mkdir(folder.file(path), { recursive: true })
    for (const path of [
      'sites.yaml',
      'services.yaml/a.yml',
      '.gitlab-ci.yml',
      '.github/workflows/x.yaml',
      'README.md',
      'orders.json',
      'orders.openapi.json',
    ]) {
      await writeFile(folder.file(path), path)
    }

    expect(await readCatalogFolder(folder.path)).toEqual([
      { file: 'orders.openapi.json', text: 'orders.openapi.json' },
      { file: 'services.yaml/a.yml', text: 'services.yaml/a.yml' },
      { file: 'sites.yaml', text: 'sites.yaml' },
    ])
  })

  it('is read no further than a document may go, so that any size can be refused', async () => {
    await using folder = await temporaryFolder()
    for (const name of ['large.yaml', 'large.openapi.yaml']) {
      await writeFile(folder.file(name), Buffer.alloc(10_000_000, '#'))
    }

    const texts = await readCatalogFolder(folder.path)

    expect(texts.map(({ text }) => text.length)).toEqual([limits.openApiBytes + 1, limits.documentBytes + 1])
  })

  it('has every scope that its client needs, and none that only an OpenAPI document names', async () => {
    expect(scopesOf([{ file: 'a.openapi.yaml', text: 'scopes: [of-others]' }])).toEqual([])
    expect(scopesOf(await example())).toEqual(expect.arrayContaining(['orders:read', 'orders:write']))
  })

  it('leads to no port of the default base once it was moved', async () => {
    const moved = withAddresses(await example(), onLoopback(portsAt(23_000)))

    const urls = moved.flatMap(({ text }) => text.match(/http:\/\/127\.0\.0\.1:\d+/g) ?? [])
    expect(urls.length).toBeGreaterThan(10)
    expect(urls.filter((url) => !/:23\d{3}$/.test(url))).toEqual([])
  })
})

describe('addresses', () => {
  const to = onLoopback(portsAt(23_000))

  it('of samples and gateways move with the ports', () => {
    const text = 'url: http://127.0.0.1:17150, other: http://localhost:17250'

    expect(withAddresses(file(text), to)[0]?.text).toBe('url: http://127.0.0.1:23150, other: http://127.0.0.1:23250')
  })

  it('move from where the base was last', () => {
    expect(withAddresses(file('http://127.0.0.1:18101'), to, 18_000)[0]?.text).toBe('http://127.0.0.1:23101')
  })

  it('that are somebody’s own stay', () => {
    const text = 'http://127.0.0.1:3000 http://orders.internal:17150 http://127.0.0.1:171500'

    expect(withAddresses(file(text), to)[0]?.text).toBe(text)
  })

  it('become names of containers there', () => {
    expect(withAddresses(file('http://127.0.0.1:17250'), inContainers(portsAt(17_000)))[0]?.text).toBe(
      'http://services-cloud:17250',
    )
  })
})
