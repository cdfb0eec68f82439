// SPDX-License-Identifier: MIT
#pragma once

#include "libfiona/base/config.h"

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <vector>

namespace fiona::pacs {

struct Peer {
    std::string host;
    std::uint16_t port = 0;
    std::string called_aet;
    std::string calling_aet;
    std::chrono::seconds timeout{60}; ///< for the answer to a C-STORE store_patience times as long
    std::optional<TlsClientConfig> tls{};
};

/// There are archives that take a minute for an image. Given up, it would be sent again, and once more.
constexpr int store_patience = 5;

/// C-ECHO. Throws Error: Fault::unreachable (no connection, no answer), Fault::protocol (rejected).
void echo(const Peer& peer);

enum class SendOutcome {
    stored,  ///< 0000
    warning, ///< B000, B006, B007: the peer has it
    refused, ///< any other status: the peer has it not and says so
    unsent,  ///< never answered: association lost or aborted before. May be there or not
};

struct SendResult {
    std::filesystem::path file;
    SendOutcome outcome = SendOutcome::unsent;
    std::uint16_t status = 0; ///< DIMSE status, meaningful unless unsent
    std::string reason;       ///< for people, no values of the header
    bool was_decoded = false; ///< sent without its compression: the peer takes it in no other way
};

/// Whether sending the same object again may help: it was never answered, or the peer was out of
/// resources (A7xx), failed in processing (0110) or was at a limit (0213; PS3.7 Annex C).
[[nodiscard]] bool may_succeed_later(const SendResult& result);

/// The path of an uncompressed copy of a file.
using Decode = std::function<std::filesystem::path(const std::filesystem::path&)>;

/// Sends every file once over as few associations as needed (128 presentation contexts each;
/// contexts from the files' SOP classes and transfer syntaxes; TCP_NODELAY). Files are Part 10 and
/// have passed the pre-scan. One result per file, in order. Data sets are streamed as they are; an
/// uncompressed one is rewritten only if the peer takes none but another uncompressed syntax. When
/// the association is lost, the rest goes over new ones, the file that cost it last, until three in a
/// row bring no answer. A value of odd length is padded. A file whose UIDs are missing or illegal is
/// refused with 0117, unsent. A syntax or class the peer does not
/// take is refused with 0122.
///
/// A compressed file goes as it is wherever the peer takes that. Only if not, and the peer takes an
/// uncompressed syntax, `decode` is asked for a copy in Explicit VR Little Endian, which is removed
/// after it was sent; it throws Error{Fault::data} if that cannot be done: refused with 0122.
///
/// Throws only if no association at all could be made: Fault::unreachable or Fault::protocol.
[[nodiscard]] std::vector<SendResult>
send_files(const Peer& peer, const std::vector<std::filesystem::path>& files,
           const std::function<void(const SendResult&)>& on_result = {}, const Decode& decode = {});

} // namespace fiona::pacs
