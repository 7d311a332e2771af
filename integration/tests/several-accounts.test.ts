// In the same accounts, one part after the other: to bring them up takes longer than most of these tests.
import './several-accounts/whole-way.tests.ts';
import './several-accounts/operators-tool.tests.ts';
import './several-accounts/fleet.tests.ts';
import './several-accounts/ends.tests.ts';
import './several-accounts/retirements.tests.ts';
import './several-accounts/channels.tests.ts';
