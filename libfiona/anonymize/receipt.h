// SPDX-License-Identifier: MIT
#pragma once

#include "libfiona/anonymize/engine.h"
#include "libfiona/anonymize/settings.h"
#include "libfiona/base/dates.h"
#include "libfiona/base/json.h"
#include "libfiona/base/signing.h"

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

/// Receipts say what was done with every object of a transfer, without anything that identifies: digests
/// of input and output, profile, version, counts, verdicts. Each holds the SHA-256 of the one before it and
/// is signed, so that none can be changed, dropped or slipped in unnoticed.
namespace fiona::anonymize {

/// Of a run with Settings::digests. A transfer adds what it knows: `stores`, `pixels`, `request`.
[[nodiscard]] json::Object receipt_body(const Report& report, const Settings& settings);

/// A directory of receipts, `00000001.json` and so on.
///
///     NNNNNNNN.json
///          +         issued; its successor holds its digest. Never changed, never removed but from the end
///          -         not issued. A gap below the highest number is a receipt that was taken away
class ReceiptBook {
public:
    ReceiptBook(std::filesystem::path directory, SigningKey key);

    /// Durable when it returns; the file. Several processes may append.
    // NOLINTNEXTLINE(modernize-use-nodiscard) made for its effect
    std::filesystem::path append(const json::Object& body, TimePoint now) const;
    /// Whether one of them has this `id` in its body. Reads them all, the newest first: only for what a
    /// crash left behind.
    [[nodiscard]] bool has(const std::string& id) const;

private:
    std::filesystem::path m_directory;
    SigningKey m_key;
};

struct ReceiptFinding {
    std::filesystem::path file;
    std::string what;
};

/// `given` is 64 hexadecimal digits, or a file of them; nothing if it is empty.
[[nodiscard]] std::optional<std::string> public_key_of(const std::string& given);

/// Receipts of a directory in order, or one file.
[[nodiscard]] std::vector<std::filesystem::path> find_receipts(const std::filesystem::path& path);
/// Form, signature, numbers and chain. `public_key`: the only one that counts; else all must have the
/// same. The predecessor of the first one is not asked for unless its number is 1.
[[nodiscard]] std::vector<ReceiptFinding>
check_receipts(const std::vector<std::filesystem::path>& receipts,
               const std::optional<std::string>& public_key);
/// The de-identified files below `directory` held against the outputs of the receipts: changed, missing
/// or unknown ones.
[[nodiscard]] std::vector<ReceiptFinding>
check_outputs(const std::vector<std::filesystem::path>& receipts,
              const std::filesystem::path& directory);

} // namespace fiona::anonymize
