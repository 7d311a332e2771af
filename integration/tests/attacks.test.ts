// In the same accounts, one part after the other: to bring them up takes longer than these tests.
import './attacks/strangers.tests.ts';
import './attacks/copy-image.tests.ts';
import './attacks/settle-copy.tests.ts';
import './attacks/retire-image.tests.ts';
import './attacks/gate.tests.ts';
import './attacks/shared-tags.tests.ts';
import './attacks/operators.tests.ts';
import './attacks/deputies.tests.ts';
import './attacks/document.tests.ts';
