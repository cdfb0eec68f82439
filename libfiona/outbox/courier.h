// SPDX-License-Identifier: MIT
#pragma once

#include "libfiona/base/config.h"
#include "libfiona/base/dates.h"
#include "libfiona/base/error.h"
#include "libfiona/base/mode.h"

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

/// Bringing the items of an outbox to a partner's server, and keeping them until it has said that it has
/// them.
///
/// outbox/B.tgz  B.json  B.md5sum   done/B.tgz  B.json  B.md5sum
///      +          ?        -           -         -        -      no digest yet: it is made after an hour
///      +          ?        +           -         -        -      waits, is being sent, or is sent and not
///                                                                confirmed (`.state.json`: only a memory)
///      -          ?        +           +         ?        -      confirmed, and we died: the next run moves
///                                                                the rest
///      -          -        -           +         ?        +      done
///
/// On the server each file is `NAME.part` until it is whole; B.md5sum comes last, and says that all of B is
/// there. Items that can never be sent go to `<outbox>/corrupt/`, with the reason beside them.
namespace fiona::outbox {

struct Wishes {
    std::filesystem::path outbox;
    std::filesystem::path done;
    SftpConfig server;
    enum class Rest {
        respect, ///< an item that failed rests for a while
        ignore,
    } rest = Rest::respect;
    std::chrono::seconds settle{60}; ///< a file younger than this is still being written
    Mode mode = Mode::apply;
};

struct ItemReport {
    std::string item;
    std::string outcome; ///< confirmed, sent, waits, corrupt, failed; in a dry run: would send
    std::string detail;
    std::uint64_t bytes = 0; ///< of its data
};
struct Report {
    std::vector<ItemReport> items;
    std::size_t confirmed = 0; ///< now in done/
    std::size_t sent = 0;      ///< uploaded in this run and not yet confirmed
    std::size_t waiting = 0;
    std::size_t corrupt = 0; ///< set aside
    std::size_t failed = 0;
    std::uint64_t bytes_sent = 0;
    std::optional<Fault> worst; ///< of the first that failed
};

/// One run over the outbox. Connects only if there is something to ask or to send. Throws
/// Error{Fault::temporary} if another process works on it, Fault::missing if it is not there.
[[nodiscard]] Report empty_outbox(const Wishes& wishes, TimePoint now);

} // namespace fiona::outbox
