// SPDX-License-Identifier: MIT
#pragma once

#include "tests/support/child_process.h"
#include "tests/support/run_tool.h"
#include "tests/support/temp_dir.h"

#include <sys/types.h>

#include <memory>
#include <string>
#include <vector>

/// strace(1) stands between a program and the kernel.
namespace traced {

/// System calls by which a process changes what others see: files, names and connections. A process
/// that is killed between two of them is, for everybody else, killed before the second.
inline const std::string changing_calls =
    "write,pwrite64,writev,pwritev,send,sendto,sendmsg,fsync,fdatasync,ftruncate,fallocate,"
    "rename,renameat,renameat2,link,linkat,symlink,symlinkat,mkdir,mkdirat,unlink,unlinkat,rmdir,"
    "fchmod,fchmodat,utimensat";
/// Those of them by which a disk says that it is full, broken, over its quota or gone.
inline const std::string disk_calls =
    "write,pwrite64,writev,fsync,fdatasync,ftruncate,rename,renameat,renameat2,link,linkat,symlink,"
    "symlinkat,mkdir,mkdirat,unlink,unlinkat,rmdir";

/// What happens at the `at`-th `call` of each process, counted from 1.
struct Injection {
    std::string call; ///< one name
    std::string what; ///< as strace takes it: "error=EIO", "signal=KILL"
    unsigned at = 1;
};

/// Whether we may trace; if not, a line `SKIPPED: why`.
[[nodiscard]] bool is_possible();

struct Ended {
    Outcome outcome;
    bool is_hit = false;                  ///< the injection took place
    std::vector<std::string> hit_files{}; ///< as hit_files()
};
/// Runs a tool of the build tree.
[[nodiscard]] Ended run(const std::string& tool, const std::vector<std::string>& arguments,
                        const Injection& injection);

/// One of the calls that a program makes: the `at`-th of its name.
struct Call {
    std::string name;
    unsigned at = 1;
};
/// Those of `calls` (names with commas) that a tool makes when nothing goes wrong, or that stand in what
/// strace wrote. What two of its processes do counts once.
[[nodiscard]] std::vector<Call> calls_of(const std::string& tool,
                                         const std::vector<std::string>& arguments,
                                         const std::string& calls);
[[nodiscard]] std::vector<Call> calls_in(const std::string& log);
/// At most so many of them, evenly; all with FIONA_TEST_FULL=1.
[[nodiscard]] std::vector<Call> some_of(std::vector<Call> calls, std::size_t most);
[[nodiscard]] bool is_hit(const std::string& log);
/// What the descriptors led to whose calls have failed as asked.
[[nodiscard]] std::vector<std::string> hit_files(const std::string& log);
/// fsync(2) and fdatasync(2).
[[nodiscard]] bool is_sync(const Call& call);

/// Looks at a process and all that it forks from now on until the object goes; the process lives on.
class Watch {
public:
    /// `options` of strace besides -f, -p and -o. Returns when the process is being traced.
    Watch(pid_t process, const std::vector<std::string>& options);
    Watch(pid_t process, const Injection& injection);
    Watch(const Watch&) = delete;
    Watch& operator=(const Watch&) = delete;
    ~Watch();

    /// What strace has written so far.
    [[nodiscard]] std::string log() const;

private:
    TempDir m_scratch;
    std::unique_ptr<ChildProcess> m_strace;
};

} // namespace traced
