import type { Random } from './random.ts'

/** Ways to write a path that somebody behind us may read as `path`, which has letters and slashes only. */
export function spellingOf(path: string, random: Random): string {
  let spelled = ''
  for (const letter of path) spelled += letter === '/' ? slash(random) : written(letter, random)
  // What does not begin with a slash is no path: no gateway takes it for one.
  return (spelled.startsWith('/') ? spelled : `/${spelled}`) + random.pick(ends)
}

const ends = ['', '', '', '/', ';a', ';a=b', '%00', '%00.css', '/.', '//', '%2f', ';/', '/x/..', '/%2e']

function slash(random: Random): string {
  if (random.chance(70)) return '/'
  const bare = ['//', '/./', '/x/../', '/;/', '/;a/', '/%2e/', '/.;/', '/x/..;/', '/x/%2e%2e/', '/..%2f', '%2f', '%2F']
  return random.pick([...bare, '%5c', '\\', '/%252e/', '%252f', '/x%2f../', '/..//'])
}

function written(letter: string, random: Random): string {
  if (random.chance(75)) return letter
  if (random.chance(40)) return letter.toUpperCase()
  const code = letter.charCodeAt(0).toString(16)
  return random.pick([`%${code}`, `%${code.toUpperCase()}`, `%25${code}`])
}
