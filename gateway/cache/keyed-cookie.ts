/** A cookie that is part of a key, read strictly: RFC 6265 section 5.4, and nothing that a service might read otherwise. */

export interface KeyedCookie {
  readonly name: string
  /** Wherever any reader could find a cookie of this name: quoted, behind a comma, in other letters. */
  readonly anywhere: RegExp
}

export function keyedCookie(name: string): KeyedCookie {
  const literal = name.replace(/[^A-Za-z0-9]/g, '\\$&')
  return { name, anywhere: new RegExp(`(?<![0-9A-Za-z_.-])${literal}[ \\t]*=`, 'gi') }
}

/**
 * The values of a cookie in order, each with its length; undefined: it is not there. A field in which somebody may find
 * another value than we do (`x="a; session=b"`, `a=1,session=b`) counts whole: then no two readings share an answer. Linear.
 */
export function cookieText(field: string | undefined, { name, anywhere }: KeyedCookie): string | undefined {
  if (field === undefined) return undefined
  const findable = field.match(anywhere)?.length ?? 0
  if (findable === 0) return undefined
  let values = ''
  let found = 0
  for (const pair of field.split(';')) {
    // To some readers a quoted value goes on behind a semicolon.
    if (pair.split('"').length % 2 === 0) return `whole:${field}`
    const equals = pair.indexOf('=')
    if (equals < 0 || pair.slice(0, equals).trim() !== name) continue
    const value = pair.slice(equals + 1).trim()
    values += `${value.length}:${value}`
    found++
  }
  return found === findable ? values : `whole:${field}`
}
