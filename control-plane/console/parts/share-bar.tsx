/** Who has how much of something, as a bar. A site has one colour and pattern on all screens: it reads without colour too. */
export interface Share {
  readonly site: string
  readonly share: number
}

export interface ShareBarProps {
  readonly shares: readonly Share[]
  /** All sites, in the catalog's order: a site's place in it is its colour. */
  readonly sites: readonly string[]
  /** Read aloud in place of the picture. */
  readonly label: string
  readonly thin?: boolean
}

export function ShareBar({ shares, sites, label, thin = false }: ShareBarProps) {
  return (
    <div className={thin ? 'shares thin' : 'shares'} role="img" aria-label={label}>
      {shares
        .filter(({ share }) => share > 0)
        .map(({ site, share }) => (
          <div key={site} className={siteClass(sites, site)} style={{ flexGrow: share }} />
        ))}
    </div>
  )
}

/** A site's name with its colour. */
export function SiteName({ site, sites }: { readonly site: string; readonly sites: readonly string[] }) {
  return (
    <span className="site-name">
      <span className={`swatch ${siteClass(sites, site)}`} />
      {site}
    </span>
  )
}

const colours = 6

function siteClass(sites: readonly string[], site: string): string {
  return `site-${Math.max(0, sites.indexOf(site)) % colours}`
}
