"""What devices send each other, read from programs."""

import pytest

from experiments.collectives import Collective, collectives_of, sent

PROGRAM = """
  %all-reduce.3 = (f32[64]{0}, f32[24,64]{1,0}, /*index=2*/pred[]) all-reduce(%a), replica_groups={}
  %fusion.1 = f32[8]{0} fusion(%all-reduce.3), calls=%all-gather_fusion
  ROOT %all-gather.1 = bf16[48,2]{0,1:T(8,128)} all-gather(%c), replica_groups=[2,4]<=[8]
  %start = (f32[3]{0}, f32[24]{0}) all-gather-start(%d), dimensions={0}
  %done = f32[24]{0} all-gather-done(%start)
  %all-reduce.4 = f32[] all-reduce(%e), channel_id=2, replica_groups={{0,4},{1,5}}, to_apply=%add
  %r = f32[] all-reduce(%e), replica_groups=mesh['a'=4,'b'=2] {'b'}, use_global_device_ids=true
  %r = f32[] all-reduce(%e), replica_groups=mesh['a'=4,'b'=2] {'a':(2)2,'b'}, to_apply=%add
  %all-reduce-start.1 = f32[64]{0} all-reduce-start(%f), replica_groups=[4,2]<=[8], to_apply=%add
  ROOT %done.1 = f32[64]{0} all-reduce-done(f32[64]{0} %all-reduce-start.1), metadata={}
"""


def test_collectives_are_read_from_a_programs_text():
    assert list(collectives_of(PROGRAM)) == [
        Collective("all-reduce", ((64,), (24, 64), ()), 4 * 64 * 25 + 1),
        Collective("all-gather", ((48, 2),), 192, 4),
        Collective("all-gather", ((24,),), 96),
        Collective("all-reduce", ((),), 4, 2),
        Collective("all-reduce", ((),), 4, 2),
        Collective("all-reduce", ((),), 4, 4),
        Collective("all-reduce", ((64,),), 256, 2),
    ]


@pytest.mark.parametrize(
    ("kind", "bytes_sent"),
    [("all-reduce", 150), ("all-gather", 75), ("reduce-scatter", 300), ("all-to-all", 75)],
)
def test_bytes_sent_by_each_of_four_devices(kind, bytes_sent):
    assert sent(Collective(kind, ((25,),), 100), 4) == bytes_sent
    assert sent(Collective(kind, ((25,),), 100, 4), 8) == bytes_sent
