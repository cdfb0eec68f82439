// SPDX-License-Identifier: MIT
#pragma once

#include "libfiona/base/error.h"
#include "libfiona/base/process.h"
#include "libfiona/base/text.h"
#include "libfiona/store/atomic_file.h"
#include "tests/support/child_process.h"
#include "tests/support/site.h"
#include "tests/support/skip.h"
#include "tests/support/temp_dir.h"

#include <fmt/format.h>

#include <unistd.h>

#include <array>
#include <csignal>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

/// A Slurm of one node on loopback: munged, slurmctld, slurmd, all as the user of the test.
class SlurmCluster {
public:
    /// Whether its programs are there and we may run them; says so if not.
    static bool can_be_made()
    {
        for (const auto* const program :
             {"/usr/sbin/munged", "/usr/sbin/slurmctld", "/usr/sbin/slurmd", "/usr/bin/sbatch"}) {
            if (::access(program, X_OK) != 0) {
                skip(std::string{program} + " is not installed");
                return false;
            }
        }
        if (::getuid() != 0) { // slurmd becomes the user of each job
            skip("slurmd needs root");
            return false;
        }
        return true;
    }

    SlurmCluster()
    {
        std::array<char, 256> name{};
        ::gethostname(name.data(), name.size() - 1);
        const std::string host{fiona::split(name.data(), '.').front()};
        for (const auto* const directory : {"munge", "state", "spool"}) {
            std::filesystem::create_directory(m_root / directory);
        }
        std::filesystem::permissions(m_root / "munge", std::filesystem::perms{0755});
        fiona::store::write_file(m_root / "key", std::string(1024, 'k'), 0600);
        const auto path = [&](const char* what) { return (m_root / what).native(); };
        fiona::store::write_file(
            m_root / "slurm.conf",
            fmt::format("ClusterName=fiona\n"
                        "SlurmctldHost={0}(127.0.0.1)\n"
                        "SlurmctldPort={1}\nSlurmdPort={2}\n"
                        "SlurmUser=root\nSlurmdUser=root\n"
                        "AuthType=auth/munge\nAuthInfo=socket={3}\nCryptoType=crypto/munge\n"
                        "StateSaveLocation={4}\nSlurmdSpoolDir={5}\n"
                        "SlurmctldPidFile={6}\nSlurmdPidFile={7}\n"
                        "ProctrackType=proctrack/linuxproc\nTaskPlugin=task/none\n"
                        "SwitchType=switch/none\nMpiDefault=none\n"
                        "SelectType=select/cons_tres\nSelectTypeParameters=CR_Core_Memory\n"
                        "AccountingStorageType=accounting_storage/none\n"
                        "JobAcctGatherType=jobacct_gather/none\nReturnToService=2\n"
                        "SchedulerParameters=sched_interval=1,batch_sched_delay=0\n"
                        "NodeName={0} NodeAddr=127.0.0.1 CPUs=1 RealMemory=2000 State=UNKNOWN\n"
                        "PartitionName=main Nodes=ALL Default=YES State=UP\n",
                        host, free_port(), free_port(), path("munge/socket"), path("state"),
                        path("spool"), path("slurmctld.pid"), path("slurmd.pid")));
        m_munge.emplace(std::vector<std::string>{"/usr/sbin/munged", "--foreground", "--force",
                                                 "--num-threads=1", "--key-file=" + path("key"),
                                                 "--socket=" + path("munge/socket"),
                                                 "--pid-file=" + path("munge/pid"),
                                                 "--seed-file=" + path("munge/seed")},
                        sub("munge-out"));
        wait_for([&] { return std::filesystem::exists(m_root / "munge/socket"); }, "munged");
        start_controller();
        m_node.emplace(std::vector<std::string>{"/usr/sbin/slurmd", "-D", "-f", path("slurm.conf")},
                       sub("slurmd-out"), environment());
        wait_for([&] { return call({"sinfo", "-h", "-o", "%T"}) == "idle"; }, "slurmd");
    }

    [[nodiscard]] std::vector<std::string> environment() const
    {
        return {"SLURM_CONF=" + (m_root / "slurm.conf").native()};
    }
    void start_controller()
    {
        m_controller.emplace(std::vector<std::string>{"/usr/sbin/slurmctld", "-D", "-f",
                                                      (m_root / "slurm.conf").native()},
                             sub("slurmctld-out"), environment());
        wait_for(
            [&] {
                return call({"scontrol", "ping"}).find("is UP") != std::string::npos;
            },
            "slurmctld");
    }
    /// In an orderly way: a controller that is killed forgets what it has just begun.
    void stop_controller()
    {
        m_controller->kill(SIGTERM);
        if (!m_controller->wait(std::chrono::seconds{20})) {
            throw std::runtime_error{"slurmctld does not stop"};
        }
        m_controller.reset();
    }
    /// What a client of it prints, trimmed.
    [[nodiscard]] std::string call(std::vector<std::string> words) const
    {
        std::vector<std::string> all{"env", environment().front()};
        all.insert(all.end(), words.begin(), words.end());
        return std::string{fiona::trimmed(fiona::run({.arguments = all}).out)};
    }
    /// Until nothing waits or runs. A controller that has just come up does not know its jobs yet.
    [[nodiscard]] bool becomes_idle() const
    {
        return wait_until(
            [&] {
                const auto all = call({"squeue", "-h", "-r", "-t", "all", "-o", "%T"});
                return !all.empty() && all.find("PENDING") == std::string::npos
                       && all.find("RUNNING") == std::string::npos
                       && all.find("COMPLETING") == std::string::npos;
            },
            std::chrono::minutes{1});
    }
    /// Waits for a word of squeue about a job.
    [[nodiscard]] bool says(const std::string& job, const std::string& word) const
    {
        return wait_until(
            [&] {
                return call({"squeue", "-h", "-r", "-t", "all", "-j", job, "-o", "%T"})
                    .starts_with(word);
            },
            std::chrono::minutes{1});
    }

private:
    [[nodiscard]] std::filesystem::path sub(const char* name) const
    {
        const auto directory = m_root / name;
        std::filesystem::create_directories(directory);
        return directory;
    }
    static void wait_for(const std::function<bool()>& condition, const std::string& what)
    {
        if (!wait_until(condition, std::chrono::seconds{40})) {
            throw std::runtime_error{what + " does not start"};
        }
    }

    TempDir m_root;
    std::optional<ChildProcess> m_munge;
    std::optional<ChildProcess> m_controller;
    std::optional<ChildProcess> m_node;
};
