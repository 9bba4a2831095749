/** `npm run pictures`: draws docs/pictures/ from a real system under load, so that no picture is older than its page. */
import { join } from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import { chromium } from 'playwright-core'
import { OpenLoop } from '../../bench/support/open-loop.ts'
import { startSystem } from '../../bench/support/start-system.ts'
import { root } from './repository.ts'

await using system = await startSystem({ stores: 'embedded', tell: console.log })
const { client, demo } = system

let sent = 0
const load = new OpenLoop({
  url: demo.edge,
  perSecond: 60,
  next: () => {
    const device = `device-${sent++ % 200}`
    const path = ['/v1/orders/7', '/v1/products/7', '/v1/search?q=tide', '/v1/users/7'][sent % 4] as string
    return { method: 'GET', path, headers: { authorization: `Bearer ${demo.token}`, 'x-device-id': device } }
  },
  seen: () => undefined,
}).start()

await client.flip('orders', { to: 'cloud', reads: 2_500, reason: 'a quarter of the readers' }, '*')
await client.flip('products', { to: 'cloud', reason: 'reads only, and warm' }, '*')
await client.flip('search', { to: 'cloud', reads: 5_000, reason: 'half, to compare' }, '*')

const browser = await chromium.launch({
  executablePath: process.env['CHROMIUM'] ?? '/usr/bin/chromium',
  args: ['--no-sandbox', '--disable-gpu', '--no-first-run', '--disable-background-networking'],
})
const page = await browser.newPage({ viewport: { width: 1280, height: 900 } })
await page.goto((await client.createLoginLink()).url)
// Long enough for ten quiet seconds of adoption and for rates that have settled.
await wait(14_000)
const file = join('docs', 'pictures', 'console.png')
await page.screenshot({ path: join(root, file), fullPage: true })
console.log(`drew ${file}`)

await browser.close()
await load.stop()
