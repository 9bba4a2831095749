/** The first page of the console in a real Chromium, on a whole system: what an operator sees while services move. */
import { type Browser, chromium, type Page } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type RunningSystem, startSystem } from '../../../bench/support/start-system.ts'
import { root } from '../../../control-plane/cli/root.ts'

/** Plain JavaScript, so that any Node can run it; it has no types. */
interface ConsoleBuilder {
  buildConsole(options: { root: string; node: string; log: (line: string) => void }): Promise<void>
}

let system: RunningSystem
let browser: Browser
let page: Page
const wrong: string[] = []

beforeAll(async () => {
  const builder = new URL('../../../server-kit/built-console.mjs', import.meta.url).href
  const { buildConsole } = (await import(builder)) as ConsoleBuilder
  await buildConsole({ root, node: process.execPath, log: () => undefined })
  system = await startSystem({ stores: 'embedded' })
  browser = await chromium.launch({
    executablePath: process.env['CHROMIUM'] ?? '/usr/bin/chromium',
    // As root there is no sandbox; the rest keeps a browser of a test quiet.
    args: ['--no-sandbox', '--disable-gpu', '--no-first-run', '--disable-background-networking'],
  })
  page = await browser.newPage({ viewport: { width: 1280, height: 900 } })
  page.on('pageerror', (error) => wrong.push(error.message))
  page.on('console', (message) => {
    if (message.type() === 'error') wrong.push(message.text())
  })
})

afterAll(async () => {
  await browser?.close()
  await system?.stop()
})

const row = (unit: string) => page.locator(`[data-unit="${unit}"]`)
const split = (unit: string) => row(unit).getByRole('img', { name: /owns it/ })
const adoption = () => page.getByRole('region', { name: 'Adoption' })
const pulse = (text: string) =>
  page.getByText(text, { exact: true }).and(page.getByRole('status')).waitFor({ timeout: 5_000 })
/** It fails when the page does not come to it by itself. */
const shows = (text: string, within = page.locator('main')) =>
  within.getByText(text).first().waitFor({ timeout: 5_000 })

describe('the board', () => {
  it('opens by a one-time link, and by it only once', async () => {
    const { url } = await system.client.createLoginLink()

    expect((await fetch(`${system.demo.console}/`)).status).toBe(401)
    await page.goto(url)
    await row('orders').waitFor()

    expect(new URL(page.url()).pathname).toBe('/')
    expect((await fetch(url, { redirect: 'manual' })).status).toBeGreaterThanOrEqual(400)
  })

  it('shows each unit with its team, its split and who changed it', async () => {
    const units = (await system.client.units()).map(({ unit }) => unit)

    expect(await page.locator('[data-unit]').count()).toBe(units.length)
    await shows('team-commerce', row('orders'))
    await shows('onprem 100 %', row('orders'))
    await shows('the example catalog', row('orders'))
    await pulse('live')
  })

  it('shows a flip as it happens, without being loaded again, and a rollback as well', async () => {
    await page.evaluate('document.body.dataset.loaded = "before"')

    await system.client.flip('orders', { to: 'cloud', reads: 2500, reason: 'a quarter of them' }, '*')

    await shows('onprem → cloud: 25 % of reads, 0 % of writes', row('orders'))
    await shows('a quarter of them', row('orders'))
    expect(await split('orders').getAttribute('aria-label')).toContain('onprem owns it')
    expect(await split('orders').locator('div').count()).toBe(2)
    await shows('1 moving', page.locator('header'))

    await system.client.rollback('orders', 'back again', '*')

    await shows('onprem 100 %', row('orders'))
    expect(await page.getAttribute('body', 'data-loaded')).toBe('before')
  })

  it('shows what traffic proves: who serves, and which table edges run', async () => {
    await system.client.flip('search', { to: 'cloud', reason: 'it is stateless' }, '*')
    const placements = (await system.client.status()).table.placements
    const traffic = setInterval(() => {
      void fetch(`${system.demo.edge}/v1/search?q=a`, { headers: { authorization: `Bearer ${system.demo.token}` } })
    }, 50)

    try {
      await row('search')
        .getByText(/cloud \d+\.\d\/s/)
        .waitFor({ timeout: 10_000 })
      await shows('edge edge-1', adoption())
      await adoption()
        .getByRole('heading', { name: `Adoption of placements ${placements}` })
        .waitFor({ timeout: 5_000 })
    } finally {
      clearInterval(traffic)
    }
  })

  it('says so when the control plane is gone, shows what it knew, and is live again by itself', async () => {
    await system.program('control-plane').end('SIGKILL')

    await page.getByRole('alert').getByText('The control plane does not answer.').waitFor({ timeout: 5_000 })
    await pulse('not live')
    await shows('cloud 100 %', row('search'))

    await system.program('control-plane').start()

    await page.getByRole('alert').waitFor({ state: 'detached', timeout: 15_000 })
    await pulse('live')
    expect(await page.getAttribute('body', 'data-loaded')).toBe('before')
  })

  it('fits a telephone', async () => {
    await page.setViewportSize({ width: 390, height: 800 })

    const wider = await page.evaluate('document.documentElement.scrollWidth > innerWidth')

    expect(wider).toBe(false)
    await split('orders').waitFor()
  })

  it('runs no script and no style that its own policy forbids, and fails nowhere', () => {
    // Lost connections are told by the browser, too: they were wanted.
    expect(wrong.filter((text) => !text.startsWith('Failed to load resource'))).toEqual([])
  })
})
