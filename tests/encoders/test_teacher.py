import torch
from torch import nn

from unlabeled.encoders import Teacher


def student():
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4))


def test_it_is_a_copy_and_not_an_alias():
    net = student()
    teacher = Teacher(net)
    mine = {p.data_ptr() for p in net.parameters()} | {b.data_ptr() for b in net.buffers()}
    assert not mine & {t.data_ptr() for t in teacher.state_dict().values()}
    with torch.no_grad():
        net[0].weight.add_(1)
    assert not torch.equal(teacher.copy[0][0].weight, net[0].weight)


def test_it_follows_by_the_stated_step_and_copies_buffers():
    net = student()
    teacher = Teacher(net)
    before = teacher.copy[0][0].weight.clone()
    with torch.no_grad():
        net[0].weight.add_(1)
    net(torch.randn(8, 3))
    teacher.follow(net, momentum=0.9)
    assert torch.allclose(teacher.copy[0][0].weight, before + 0.1)
    assert torch.equal(teacher.copy[0][1].running_mean, net[1].running_mean)
    assert teacher.copy[0][1].num_batches_tracked == net[1].num_batches_tracked == 1


def test_momentum_one_stands_still_and_zero_jumps():
    net = student()
    teacher = Teacher(net)
    before = teacher.copy[0][0].weight.clone()
    with torch.no_grad():
        net[0].weight.mul_(3)
    teacher.follow(net, momentum=1.0)
    assert torch.equal(teacher.copy[0][0].weight, before)
    teacher.follow(net, momentum=0.0)
    assert torch.allclose(teacher.copy[0][0].weight, net[0].weight)


def test_no_gradient_reaches_it():
    net = student()
    teacher = Teacher(net)
    assert not any(p.requires_grad for p in teacher.parameters())
    assert all(p.requires_grad for p in net.parameters())
    assert not teacher(torch.randn(4, 3, requires_grad=True)).requires_grad
