// SPDX-License-Identifier: MIT
#pragma once

#include "libfiona/pacs/sender.h"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

/// A storage provider made with DCMTK that answers what a test wants, in a thread of the test.
class ScriptedPacs {
public:
    struct Answer {
        std::uint16_t status = 0;
        bool drop = false; ///< closes the connection instead of answering
        std::chrono::milliseconds delay{0};
    };
    /// `object` counts from 1 over all associations.
    using Script = std::function<Answer(std::size_t object)>;
    struct Received {
        std::string sop_instance;
        std::string transfer_syntax;
        std::size_t elements = 0;
    };

    /// What it does about storage commitment.
    struct Commitment {
        std::uint16_t action_status = 0; ///< of N-ACTION
        bool reports = true;             ///< on the same association
        /// Whether it says that it has kept the object; `question` counts from 1.
        std::function<bool(std::size_t question, const std::string& sop)> keeps =
            [](std::size_t, const std::string&) { return true; };
    };

    /// Accepts all storage classes in these syntaxes; the first that is proposed wins.
    explicit ScriptedPacs(Script script,
                          std::vector<std::string> transfer_syntaxes = {"1.2.840.10008.1.2.1",
                                                                        "1.2.840.10008.1.2"},
                          std::optional<Commitment> commitment = {});
    ~ScriptedPacs();

    [[nodiscard]] fiona::pacs::Peer peer() const;
    [[nodiscard]] std::uint16_t port() const;
    /// Every object that came in whole, also refused ones.
    [[nodiscard]] std::vector<Received> received() const;
    /// Those of them that were answered with success or a warning.
    [[nodiscard]] std::vector<std::string> stored() const;
    [[nodiscard]] std::size_t associations() const;
    /// Requests for storage commitment that it accepted or refused.
    [[nodiscard]] std::size_t questions() const;

private:
    struct Data;
    std::unique_ptr<Data> m_data;
};
