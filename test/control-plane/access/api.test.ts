import { readFile } from 'node:fs/promises'
import { request as httpRequest } from 'node:http'
import { resolve } from 'node:path'
import { describe, expect, it } from 'vitest'
import { HeldClock } from '#server-kit/clock.ts'
import { temporaryFolder } from '../../support/temporary-folder.ts'
import { catalogOf, serviceFile } from '../support/catalog.ts'
import { startControlPlane, type TestControlPlane } from '../support/control-plane.ts'

const json = { 'content-type': 'application/json' }

/** By hand, since fetch does not let a caller choose the host. */
function raw(
  url: string,
  path: string,
  headers: Record<string, string>,
  method = 'GET',
): Promise<{ status: number; headers: Record<string, unknown> }> {
  return new Promise((answered, reject) => {
    const sent = httpRequest(url + path, { method, headers }, (answer) => {
      answer.resume()
      answer.once('end', () => answered({ status: answer.statusCode ?? 0, headers: answer.headers }))
    })
    sent.once('error', reject).end()
  })
}

async function login(plane: TestControlPlane): Promise<{ link: string; cookie: string; answer: Response }> {
  const { url } = await plane.client.createLoginLink()
  const answer = await fetch(url, { redirect: 'manual' })
  return { link: url, cookie: (answer.headers.get('set-cookie') ?? '').split(';')[0] ?? '', answer }
}

describe('every endpoint but /health/live', () => {
  it('refuses a caller without a credential, before it looks at anything else', async () => {
    await using plane = await startControlPlane({ config: { console: resolve('test/control-plane/support') } })
    const document = (await plane.client.openApi()) as {
      paths: Record<string, Record<string, { security: unknown[] }>>
    }
    const flip = document.paths['/api/v1/units/{unit}/flip']?.['post']
    expect(flip).toMatchObject({ description: 'Needs the permission `unit.flip`.', security: [{ bearer: [] }] })
    const endpoints = Object.entries(document.paths).flatMap(([path, methods]) =>
      Object.keys(methods).map((method) => ({ method: method.toUpperCase(), path: path.replaceAll(/\{\w+\}/g, '1') })),
    )
    // What the document leaves out is closed too.
    endpoints.push(
      { method: 'GET', path: '/' },
      { method: 'GET', path: '/board' },
      { method: 'GET', path: '/assets/x.js' },
    )
    endpoints.push({ method: 'GET', path: '/api/v1/openapi.json' }, { method: 'HEAD', path: '/api/v1/units' })
    expect(endpoints.length).toBeGreaterThan(25)

    for (const { method, path } of endpoints) {
      const open = path === '/health/live'
      const { status } = await plane.fetch(path, { method, headers: {} })
      const expected = open ? 200 : path === '/login' ? 400 : 401
      expect(`${method} ${path} ${status}`).toBe(`${method} ${path} ${expected}`)
      if (open || path === '/login') continue
      const wrong = await plane.fetch(path, {
        method,
        headers: { authorization: 'Bearer tg_wrong', 'x-tidegate-call': 'v=1;m=x' },
      })
      expect(`${method} ${path} ${wrong.status}`).toBe(`${method} ${path} 401`)
    }
    const internal = `http://${plane.controlPlane.addresses().internal}`
    expect((await fetch(`${internal}/health/live`)).status).toBe(200)
    expect((await fetch(`${internal}/metrics`)).status).toBe(401)
  })
})

describe('a token', () => {
  it('is shown once, kept as a hash only, and does what its scopes say', async () => {
    await using folder = await temporaryFolder()
    await using plane = await startControlPlane({ home: folder.path })
    await plane.client.apply({ files: [...catalogOf(serviceFile('orders'))] })
    const { token, id, scopes } = await plane.client.createToken({ name: 'reader', scopes: ['read'], expiresIn: '1h' })
    expect(token).toMatch(/^tg_[\w-]{43}$/)
    expect(scopes).toEqual(['read'])

    const reader = await plane.fetch('/api/v1/units', { headers: { authorization: `Bearer ${token}` } })
    expect(reader.status).toBe(200)
    const flip = await plane.fetch('/api/v1/units/orders/flip', {
      method: 'POST',
      headers: { authorization: `Bearer ${token}`, ...json, 'if-match': '1' },
      body: JSON.stringify({ to: 'cloud', reason: 'x' }),
    })
    expect(flip.status).toBe(403)
    expect(await flip.json()).toMatchObject({ code: 'action-not-allowed', fix: expect.stringMatching(/--scope flip/) })

    const files = await Promise.all(
      ['tidegate.db', 'tidegate.db-wal'].map((name) => readFile(folder.file(name), 'latin1')),
    )
    expect(files.join('')).toContain('reader')
    expect(files.join('')).not.toContain(token)
    expect(JSON.stringify(await plane.client.audit())).not.toContain(token)

    await plane.client.revokeToken(id)
    const revoked = await plane.fetch('/api/v1/units', { headers: { authorization: `Bearer ${token}` } })
    expect(revoked.status).toBe(401)
  })

  it('never gives more than its creator has', async () => {
    await using plane = await startControlPlane()
    const issuer = await plane.clientWith(['token', 'read'])
    await expect(issuer.createToken({ name: 'wide', scopes: ['flip', 'read'] })).rejects.toMatchObject({
      code: 'token-too-wide',
    })
    await issuer.createToken({ name: 'narrow', scopes: ['read'] })
  })

  it('expires', async () => {
    const clock = new HeldClock(Date.now())
    await using plane = await startControlPlane({ clock })
    const { token } = await plane.client.createToken({ name: 'short', scopes: ['read'], expiresIn: '1h' })
    const status = async () =>
      (await plane.fetch('/api/v1/units', { headers: { authorization: `Bearer ${token}` } })).status
    expect(await status()).toBe(200)
    clock.advance(3_600_001)
    expect(await status()).toBe(401)
  })
})

describe('a login link', () => {
  it('opens one session, whose cookie no script and no other site can use', async () => {
    await using plane = await startControlPlane()
    const { link, cookie, answer } = await login(plane)
    expect(answer.status).toBe(303)
    expect(answer.headers.get('location')).toBe('/')
    expect(answer.headers.get('set-cookie')).toMatch(
      /^tidegate_session=[\w-]{43}; Max-Age=\d+; Path=\/; HttpOnly; SameSite=Strict$/,
    )

    const again = await fetch(link, { redirect: 'manual' })
    expect(again.status).toBe(401)
    expect(again.headers.get('set-cookie')).toBeNull()

    expect((await plane.fetch('/api/v1/units', { headers: { cookie } })).status).toBe(200)
    expect((await plane.fetch('/api/v1/units', { headers: { cookie: 'tidegate_session=wrong' } })).status).toBe(401)
  })

  it('gives a session that is worth nothing under a foreign host name or from a foreign page', async () => {
    await using plane = await startControlPlane()
    await plane.client.apply({ files: [...catalogOf(serviceFile('orders'))] })
    const { cookie } = await login(plane)
    const { url } = plane
    const own = new URL(url).host

    expect((await raw(url, '/api/v1/units', { cookie, host: own })).status).toBe(200)
    expect((await raw(url, '/api/v1/units', { cookie, host: 'evil.example' })).status).toBe(421)
    expect((await raw(url, '/api/v1/units', { cookie, host: own, origin: 'http://evil.example' })).status).toBe(403)

    const rollback = (headers: Record<string, string>) =>
      raw(url, '/api/v1/units/orders/rollback', { cookie, host: own, ...headers }, 'POST')
    expect((await rollback({})).status).toBe(403)
    expect((await rollback({ origin: 'null' })).status).toBe(403)
    expect((await rollback({ origin: url })).status).toBe(409)
  })

  it('is refused under a foreign host name, and is not spent by that', async () => {
    await using plane = await startControlPlane()
    const { url } = await plane.client.createLoginLink()
    const { pathname, search } = new URL(url)
    expect((await raw(plane.url, pathname + search, { host: 'evil.example' })).status).toBe(421)
    expect((await fetch(url, { redirect: 'manual' })).status).toBe(303)
  })

  it('outlives a restart as a session, not as a link', async () => {
    await using folder = await temporaryFolder()
    const first = await startControlPlane({ home: folder.path })
    const { cookie } = await login(first)
    const { url: unspent } = await first.client.createLoginLink()
    await first.stop()

    await using second = await startControlPlane({ home: folder.path })
    expect((await second.fetch('/api/v1/units', { headers: { cookie } })).status).toBe(200)
    const spent = await fetch(second.url + new URL(unspent).pathname + new URL(unspent).search, { redirect: 'manual' })
    expect(spent.status).toBe(401)
  })
})
