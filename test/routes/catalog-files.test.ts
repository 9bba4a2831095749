import { expect, it } from 'vitest'
import { isCatalogFile, kindOf, mostBytesOf } from '#routes/catalog-files.ts'

it.each([
  ['sites.yaml', 'sites'],
  ['here/teams.yml', 'teams'],
  ['services/orders.yaml', 'service'],
  ['services/orders.openapi.yaml', 'openapi'],
  ['orders.openapi.yml', 'openapi'],
  ['openapi/orders.openapi.json', 'openapi'],
  ['openapi.yaml', 'service'],
  ['api/.openapi.yaml', 'service'],
  ['orders.json', undefined],
  ['orders.openapi.json.bak', undefined],
  ['README.md', undefined],
])('%s: %s', (file, kind) => {
  expect(isCatalogFile(file)).toBe(kind !== undefined)
  if (kind !== undefined) expect(kindOf({ file, text: '' })).toBe(kind)
  expect(mostBytesOf(file)).toBe(kind === 'openapi' ? 1024 * 1024 : 256 * 1024)
})

it('what names its service is a service, whatever its file is called, but for OpenAPI documents', () => {
  const text = 'service: teams\n'
  expect(['teams.yaml', 'sites.yml', 'a.openapi.yaml'].map((file) => kindOf({ file, text }))).toEqual([
    'service',
    'service',
    'openapi',
  ])
})
