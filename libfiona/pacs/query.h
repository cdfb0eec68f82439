// SPDX-License-Identifier: MIT
#pragma once

#include "libfiona/pacs/sender.h"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

/// C-FIND as user (PS3.4 annex C).
namespace fiona::pacs {

enum class Level { patient, study, series, image };

/// Keyword of the dictionary -> value; "" asks for it (universal matching).
using Keys = std::map<std::string, std::string>;

/// What the last answer of a query or a retrieval says (PS3.4 §C.4.1.1.4, §C.4.2.1.5, §C.4.3.1.4).
enum class Ending {
    complete,         ///< 0000
    partly,           ///< B000: some objects could not be handed over
    cancelled,        ///< FE00: we asked for it, or the peer stops at a number of answers
    out_of_resources, ///< A7xx: too much was asked for, or it is busy
    unable,           ///< Cxxx: what many say when there are too many matches
    refused,          ///< any other status
};
[[nodiscard]] Ending ending_of(std::uint16_t status);
/// `complete`, `out of resources (A700)`, ...: for people.
[[nodiscard]] std::string describe(Ending ending, std::uint16_t status);

struct FindResult {
    Ending ending = Ending::refused;
    std::uint16_t status = 0;
    std::size_t answers = 0; ///< handed on
};

/// What the receiver of an answer wants.
enum class Next {
    more,
    enough ///< C-CANCEL is sent, and what still comes is dropped
};

/// Many queries over one association, which is made at the first and made anew when the peer has
/// closed it in between. Answers are handed on one by one, so memory does not grow with their
/// number. Single-threaded.
class QuerySession {
public:
    /// `deadline`: for all answers of one query; Peer::timeout is for each of them.
    explicit QuerySession(Peer peer, std::chrono::seconds deadline = std::chrono::minutes{30});
    QuerySession(const QuerySession&) = delete;
    QuerySession& operator=(const QuerySession&) = delete;
    ~QuerySession();

    /// Study Root, at the patient level Patient Root. Every answer has exactly the keys asked for,
    /// text in UTF-8, several values joined with `\`, "" where the peer gives none. A status that is
    /// no success is a result, not an error: the caller may ask for less.
    /// Throws Error: Fault::data for keys that cannot be asked (only printable ASCII can),
    /// Fault::unreachable (no association, or it was lost, or the deadline has passed),
    /// Fault::protocol (rejected, no queries there, an answer that cannot be read). What `on_answer`
    /// throws comes out, and the association is aborted.
    FindResult find(Level level, const Keys& keys,
                    const std::function<Next(const Keys&)>& on_answer);

    [[nodiscard]] std::size_t queries() const;
    [[nodiscard]] std::size_t associations() const;
    [[nodiscard]] const Peer& peer() const;

private:
    struct Data;
    std::unique_ptr<Data> m_data;
};

/// One query. One map per answer. Throws as QuerySession::find(), and Error{Fault::protocol} with the
/// status if the last answer is no success.
[[nodiscard]] std::vector<Keys> find(const Peer& peer, Level level, const Keys& keys);

} // namespace fiona::pacs
