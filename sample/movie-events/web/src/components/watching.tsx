import { Icon } from './icon';

const EYE =
  'M2 12s3.6-6.5 10-6.5S22 12 22 12s-3.6 6.5-10 6.5S2 12 2 12Zm7.2 0a2.8 2.8 0 1 0 5.6 0 2.8 2.8 0 1 0-5.6 0';

export function Watching({ count }: { count?: number }) {
  if (count === undefined) {
    return null;
  }
  return (
    <p className="watching">
      <Icon path={EYE} />
      {count} watching
    </p>
  );
}
