import { expect, it } from 'vitest'
import { readCatalog } from '#routes/catalog.ts'
import { compile } from '#routes/compile.ts'
import { printFault } from '#routes/fault.ts'
import { schemaCheck } from '../../gateway/transform/schema-checks.ts'
import { sitesFile, teamsFile } from './support/catalog.ts'
import { startControlPlane } from './support/control-plane.ts'

type Document = Readonly<Record<'paths', Readonly<Record<string, Readonly<Record<string, unknown>>>>>>

it('the document of the API is one by which a gateway before it could check requests', async () => {
  await using plane = await startControlPlane()
  const text = await (await plane.fetch('/api/v1/openapi.json')).text()
  const { paths } = JSON.parse(text) as Document
  // `{*}` takes what comes: no pattern of one segment.
  const described = Object.entries(paths).filter(([path]) => !path.includes('*'))
  const routes = described.flatMap(([path, methods]) =>
    Object.keys(methods).map((method) => {
      return { path, methods: [method.toUpperCase()], maxBody: '64KiB', validate: { openapi: 'plane.openapi.json' } }
    }),
  )
  const service = { service: 'plane', owner: 'team-commerce', deployments: { onprem: { url: 'http://p' } }, routes }
  const read = readCatalog([
    sitesFile,
    teamsFile,
    { file: 'plane.openapi.json', text },
    { file: 'plane.yaml', text: JSON.stringify(service) },
  ])

  expect(read.ok ? [] : read.faults.map(printFault)).toEqual([])
  if (!read.ok) return
  const compiled = compile(read.catalog, { number: 1 })
  expect(
    compiled.warnings.map(printFault).filter((told) => !told.includes('asks for nothing that is checked')),
  ).toEqual([])
  const policies = compiled.ok ? compiled.structure.routes.map(({ policy }) => policy.validate) : []
  expect(policies.filter((policy) => policy?.body !== undefined).length).toBeGreaterThan(5)
  for (const { body = {} } of policies.flatMap((policy) => policy ?? [])) expect(() => schemaCheck(body)).not.toThrow()
})
