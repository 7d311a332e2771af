// One after the other: each part bakes in seconds of its own, by which images are ordered.
import './retire-image/kept.tests.ts';
import './retire-image/retired.tests.ts';
import './retire-image/revoked.tests.ts';
