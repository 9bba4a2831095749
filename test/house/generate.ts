/** `npm run generate`: writes the pages of docs/reference/ that come from code. A house test fails while one is out of date. */
import { mkdirSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { generatedPages } from './generated-pages.ts'
import { root } from './repository.ts'

for (const [path, text] of Object.entries(await generatedPages())) {
  mkdirSync(dirname(join(root, path)), { recursive: true })
  writeFileSync(join(root, path), text)
  console.log(`wrote ${path}`)
}
