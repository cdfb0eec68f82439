// SPDX-License-Identifier: MIT
#pragma once

#include "tests/support/raw_association.h"

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

/// A peer that breaks the rules of PS3.8 and PS3.7 on purpose, on top of raw_association.h.
namespace raw {

/// An A-ASSOCIATE-RQ (PS3.8 §9.3.2), legal but for what is set otherwise.
struct Request {
    std::string calling = "SCANNER"; ///< any bytes; cut or filled up with blanks to 16
    std::string called = "FIONA";
    unsigned version = 1;
    std::string application_context = "1.2.840.10008.3.1.1.1";
    std::vector<Context> contexts{{1, secondary_capture, {explicit_little}},
                                  {3, verification, {explicit_little}}};
    std::string user_items = user_items_of(16384); ///< what stands inside item 50H
    std::string more_items{};                      ///< behind all others
    std::optional<std::uint32_t> length{};         ///< of the PDU: a lie

    [[nodiscard]] std::string bytes() const;
    /// Maximum length and implementation class (PS3.8 §D.1, PS3.7 §D.3.3.2).
    static std::string user_items_of(std::uint32_t max_pdu_bytes);
};

/// A P-DATA-TF PDU whose lengths need not be true.
struct DataPdu {
    std::uint8_t context = 1;
    int flags = 3; ///< 1 command, 2 last fragment
    std::string bytes{};
    std::optional<std::uint32_t> pdu_length{};
    std::optional<std::uint32_t> pdv_length{};

    [[nodiscard]] std::string encoded() const;
};

/// A command set without its group length; what C-STORE-RQ needs, to be changed element by element.
struct Command {
    std::vector<std::pair<std::uint32_t, std::string>> elements; ///< tag, value of even length
    std::optional<std::uint32_t> group_length{};                 ///< a lie

    static Command store(const Ids& ids);
    Command& set(std::uint32_t tag, const std::string& value);
    Command& drop(std::uint32_t tag);
    Command& add(std::uint32_t tag, const std::string& value);
    [[nodiscard]] std::string bytes() const;
};

/// What comes from the other side next, in words: "accepted", "rejected 2/3/2", "status 0000",
/// "released", "aborted", "closed", "other PDU", or "silence" after `patience`.
[[nodiscard]] std::string next_words(const Connection& connection,
                                     std::chrono::milliseconds patience = std::chrono::seconds{15});

/// Whether something can be read within `patience`; reads nothing.
[[nodiscard]] bool has_answer(const Connection& connection, std::chrono::milliseconds patience);

/// `step` bytes after each pause; stops early when the other side has something to say.
void send_slowly(const Connection& connection, std::string_view bytes, std::size_t step,
                 std::chrono::milliseconds pause);

/// Nagle's algorithm, as every stock sender has it.
void set_nagle(const Connection& connection);

/// The connection ends with a TCP reset instead of an orderly close.
void reset_when_closed(const Connection& connection);

} // namespace raw
