import { describe, expect, it } from 'vitest'
import { decide } from '#routes/decide.ts'
import { otherRoutes, readingsOf } from '#routes/path-readings.ts'
import type { PathReading } from '#routes/structure.ts'
import { placementSet, request, route, service, structure, tableOf } from '../support/tables.ts'

const all: PathReading[] = ['servlet', 'ignore-case', 'merge-slashes', 'decode-slash', 'dot-segments', 'trailing-slash']

describe('a path is read', () => {
  it.each<[PathReading, string, string]>([
    ['servlet', '/a;x=1/b;y', '/a/b'],
    ['ignore-case', '/A/%C3%A9B', '/a/%C3%A9b'],
    ['merge-slashes', '/a//b///', '/a/b/'],
    ['decode-slash', '/a%2Fb%5Cc\\d', '/a/b/c/d'],
    ['decode-slash', '/a%00.css', '/a'],
    ['dot-segments', '/a/./b/../c/..', '/a/'],
    ['dot-segments', '/../../a', '/a'],
    ['trailing-slash', '/a/b/', '/a/b'],
    ['trailing-slash', '/', '/'],
  ])('by %s: %s as %s', (reading, path, read) => {
    expect(readingsOf(path, [reading])).toContain(read)
  })

  it('also as what several steps in any order make of it', () => {
    expect(readingsOf('/x/..;/ADMIN', all)).toContain('/admin')
    expect(readingsOf('/x/..//a//../admin', ['merge-slashes', 'dot-segments'])).toEqual(
      expect.arrayContaining(['/admin', '//a/admin', '/a/admin']),
    )
    expect(readingsOf('/%252561dmin', all)).toContain('/admin')
  })

  it('in one way only by a service that reads it as we do', () => {
    expect(readingsOf('/A;x//%2F', [])).toEqual(['/A;x//%2F'])
  })

  it('in at most 16 other ways, and as a long one in fewer', () => {
    expect(readingsOf('/A;x/b//%2F..%2Fc%2540', all)).toBeUndefined()
    expect(readingsOf(`/${'A'.repeat(8_000)}`, all)?.length).toBe(2)
    expect(readingsOf('/A;x//b', all)?.length).toBe(8)
    expect(readingsOf(`/${'A'.repeat(8_000)};x//b`, all)).toBeUndefined()
  })
})

describe('other routes', () => {
  const open = route('/**', { service: 'site' })
  const admin = route('/admin/**', { service: 'admin' })
  const upper = route('/Reports', { service: 'reports' })
  const found = async (target: string, pathReadings?: readonly PathReading[], routes = [open, admin]) => {
    const services = ['site', 'admin', 'reports'].map((id) => service(id, { ...(pathReadings && { pathReadings }) }))
    const table = await tableOf(structure(routes, { services }), placementSet([]))
    const facts = request('GET', target)
    const others = otherRoutes(table, facts, decide(table, facts))
    return others === 'too-many' ? others : others.map(({ pattern }) => pattern)
  }

  it('are those that any reading hits', async () => {
    expect(await found('/ADMIN')).toEqual(['/admin/**'])
    expect(await found('/;/admin')).toEqual(['/admin/**'])
    expect(await found('/other')).toEqual([])
    expect(await found('/Reports/', undefined, [open, upper])).toEqual(['/Reports'])
    expect(await found('/Reports/', ['ignore-case'], [open, upper])).toEqual([])
    expect(await found('/Other;x')).toEqual([])
  })

  it('are the open ones, too, when a guarded one was chosen', async () => {
    expect(await found('/admin/x;/..;/../y')).toEqual(['/**'])
  })

  it('are those of the readings that the service of the chosen route has', async () => {
    expect(await found('/ADMIN', ['servlet'])).toEqual([])
    expect(await found('/ADMIN', ['ignore-case'])).toEqual(['/admin/**'])
    expect(await found('/ADMIN', [])).toEqual([])
  })

  it('are found without regard to the case of their own patterns', async () => {
    expect(await found('/reports', undefined, [open, upper])).toEqual(['/Reports'])
    expect(await found('/REPORTS', undefined, [open, upper])).toEqual(['/Reports'])
    expect(await found('/reports', ['servlet'], [open, upper])).toEqual([])
  })

  it('are too many where a path can be read in more ways than anybody means', async () => {
    expect(await found('/A;x/b//%2F..%2Fc%2540')).toBe('too-many')
  })

  it('are none where nothing was chosen', async () => {
    expect(await found('/OTHER', undefined, [admin])).toEqual([])
  })
})
