// In the same account, one part after the other: to bring it up takes longer than most of these tests.
import './one-account/as-applied.tests.ts';
import './one-account/doctor.tests.ts';
import './one-account/lambda-with-roles.tests.ts';
