//! Steps of root contexts: one replaces another, goes, or is configured again.

use super::Run;

impl Run {
    pub(super) fn replace_root(&mut self) {
        let worker = self.random.usize(0..self.world.workers.len());
        let capacity = if self.random.bool() { "3}" } else { "50}" };
        let configuration = self.configuration.replace("100}", capacity);
        let (root, accepted) = self.world.workers[worker].add_root(configuration.as_bytes());
        let old = std::mem::replace(&mut self.world.roots[worker], root);
        self.say(format!("worker {worker}: root {root} replaces {old}"));
        // A failed host call may have it refused; Envoy keeps the old one then.
        if !accepted {
            self.world.roots[worker] = old;
            self.replaced.push((worker, root));
        } else {
            self.replaced.push((worker, old));
        }
        self.remove_idle_roots();
    }

    pub(super) fn remove_idle_roots(&mut self) {
        let idle = |(worker, root): &(usize, u32)| {
            let streams = &self.world.workers[*worker].host().streams;
            !streams.values().any(|stream| stream.root == *root)
        };
        let (idle, busy) = self.replaced.iter().partition(|replaced| idle(replaced));
        self.replaced = busy;
        for (worker, root) in idle {
            let _: (usize, u32) = (worker, root);
            self.say(format!("worker {worker}: root {root} goes"));
            self.world.workers[worker].remove_root(root);
        }
    }

    pub(super) fn configure_again(&mut self) {
        let worker = self.random.usize(0..self.world.workers.len());
        let root = self.world.roots[worker];
        self.say(format!("worker {worker}: root {root} is configured again"));
        let host = self.world.workers[worker].host();
        let of_root = |token: &u32| host.callouts.get(*token).unwrap().root == root;
        let tokens = host.callouts.tokens().into_iter().filter(of_root);
        self.abandoned.extend(tokens.map(|token| (worker, token)));
        let configuration = self.configuration.clone();
        self.world.workers[worker].configure(root, configuration.as_bytes());
        self.oracle.forgot((worker, root));
    }
}
