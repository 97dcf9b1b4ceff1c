/** Drawn in lines on a 24 by 24 grid; what it means is for its button to say. */
export function Icon({ path }: { path: string }) {
  return (
    <svg className="icon-lines" viewBox="0 0 24 24" aria-hidden="true">
      <path d={path} />
    </svg>
  );
}
