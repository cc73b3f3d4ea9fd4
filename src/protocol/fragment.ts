/** A URL as it is asked for: its fragment stays with who asks (RFC 9110, 7.1). */
export function withoutFragment(url: string): string {
  return url.replace(/#.*/, '');
}
