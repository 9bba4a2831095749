/** When something was: the time of day, with the date when it was not today. */
export function Moment({ at }: { readonly at: number }) {
  const date = new Date(at)
  const today = date.toDateString() === new Date().toDateString()
  return (
    <time dateTime={date.toISOString()} className="number">
      {today ? timeOf(date) : `${date.toLocaleDateString()} ${timeOf(date)}`}
    </time>
  )
}

function timeOf(date: Date): string {
  return date.toLocaleTimeString(undefined, { hour: '2-digit', minute: '2-digit', second: '2-digit', hour12: false })
}
