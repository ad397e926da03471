//! Cloud Map: services, members, asynchronous operations, the data plane that learns later.

use super::agenda::Due;
use super::{KEPT, Member, Operation, Refused, Service, ServiceKind, Work, World};
use crate::core::ids::{InstanceId, NamespaceId, ServiceId};
use std::collections::BTreeMap;
use std::time::Duration;

/// What CreateService is told.
#[derive(Clone, Debug)]
pub(crate) struct NewService {
    pub(crate) name: String,
    pub(crate) namespace: NamespaceId,
    pub(crate) kind: ServiceKind,
    pub(crate) description: Option<String>,
    pub(crate) custom_health: bool,
    pub(crate) creator_request_id: Option<String>,
}

/// Members of a service (Cloud Map quotas, not adjustable).
const MEMBERS_MAX: usize = 1_000;
/// Attributes of a member or a service (Cloud Map quotas).
const ATTRIBUTES_MAX: usize = 30;

impl World {
    /// The service of an id or an ARN.
    pub(crate) fn service(&self, id: &str) -> Result<&Service, Refused> {
        let id = id.rsplit('/').next().unwrap_or(id);
        self.services.get(&ServiceId::from(id)).ok_or_else(|| {
            Refused::with_status("ServiceNotFound", 404, format!("Service not found: {id}"))
        })
    }

    /// Creates a service; a name that the namespace has already is refused, whoever asks.
    pub(crate) fn create_service(&mut self, new: NewService) -> Result<ServiceId, Refused> {
        if !self.namespaces.contains_key(&new.namespace) {
            let said = format!("Namespace not found: {}", new.namespace);
            return Err(Refused::with_status("NamespaceNotFound", 404, said));
        }
        if !is_service_name(&new.name) {
            return Err(Refused::invalid_input("Invalid service name."));
        }
        let taken = self
            .services
            .values()
            .find(|one| one.namespace == new.namespace && one.name == new.name);
        if let Some(one) = taken {
            let request = one.creator_request_id.as_deref().unwrap_or("");
            return Err(Refused::new("ServiceAlreadyExists", "Service already exists.")
                .field("ServiceId", one.id.as_str())
                .field("CreatorRequestId", request));
        }
        let id = ServiceId::from(format!("srv-{}", self.random.hex(16)));
        let service = Service {
            id: id.clone(),
            name: new.name,
            namespace: new.namespace,
            kind: new.kind,
            description: new.description,
            custom_health: new.custom_health,
            creator_request_id: new.creator_request_id,
            created: self.now,
            members: BTreeMap::new(),
            published: BTreeMap::new(),
            revision: 1,
            attributes: BTreeMap::new(),
        };
        self.services.insert(id.clone(), service);
        Ok(id)
    }

    /// Deletes a service, which must be empty.
    pub(crate) fn delete_service(&mut self, id: &str) -> Result<(), Refused> {
        let service = self.service(id)?;
        if !service.members.is_empty() {
            return Err(Refused::with_status(
                "ResourceInUse",
                409,
                "Service contains registered instances; delete the instances before the service.",
            ));
        }
        let id = service.id.clone();
        self.services.remove(&id);
        Ok(())
    }

    /// Accepts a registration; it is carried out later.
    pub(crate) fn register_member(
        &mut self,
        service: &str,
        member: &InstanceId,
        attributes: BTreeMap<String, String>,
        creator_request_id: Option<String>,
    ) -> Result<String, Refused> {
        let service = self.service(service)?;
        check_member_id(member)?;
        if attributes.len() > ATTRIBUTES_MAX {
            return Err(Refused::invalid_input("Instance has too many custom attributes."));
        }
        let dns = service.kind == ServiceKind::DnsHttp;
        let address = attributes.get("AWS_INSTANCE_IPV4");
        if dns && address.is_none() {
            let said = "AWS_INSTANCE_IPV4 is required: the service has an A record.";
            return Err(Refused::invalid_input(said));
        }
        if address.is_some_and(|text| text.parse::<std::net::Ipv4Addr>().is_err()) {
            return Err(Refused::invalid_input("AWS_INSTANCE_IPV4 is not an IPv4 address."));
        }
        if dns && attributes.contains_key("AWS_EC2_INSTANCE_ID") {
            let said = "AWS_EC2_INSTANCE_ID is for HTTP namespaces only.";
            return Err(Refused::invalid_input(said));
        }
        if !service.members.contains_key(member) && service.members.len() >= MEMBERS_MAX {
            let said = "Too many instances are registered to the service.";
            return Err(Refused::new("ResourceLimitExceeded", said));
        }
        let service = service.id.clone();
        self.submit(service, member, Work::Register { attributes, creator_request_id })
    }

    /// Accepts a deregistration; it is carried out later.
    pub(crate) fn deregister_member(
        &mut self,
        service: &str,
        member: &InstanceId,
    ) -> Result<String, Refused> {
        let service = self.service(service)?;
        if !service.members.contains_key(member) {
            return Err(member_not_found(member));
        }
        let service = service.id.clone();
        self.submit(service, member, Work::Deregister)
    }

    fn submit(
        &mut self,
        service: ServiceId,
        member: &InstanceId,
        work: Work,
    ) -> Result<String, Refused> {
        let open = self.operations.values().find(|one| {
            one.service == service
                && &one.member == member
                && matches!(one.status, "SUBMITTED" | "PENDING")
        });
        if let Some(open) = open {
            let retried = matches!(&work, Work::Register { creator_request_id: Some(_), .. });
            if retried && open.work == work {
                return Ok(open.id.clone());
            }
            let said = "The operation is already in progress.";
            return Err(Refused::with_status("DuplicateRequest", 409, said)
                .field("DuplicateOperationId", open.id.clone()));
        }
        let id = format!("{}-{}", self.random.hex(32), self.random.hex(8));
        let operation = Operation {
            id: id.clone(),
            service,
            member: member.clone(),
            work,
            status: "SUBMITTED",
            error: None,
            created: self.now,
            updated: self.now,
        };
        self.operations.insert(id.clone(), operation);
        self.operation_order.push_back(id.clone());
        if self.operation_order.len() > KEPT
            && let Some(oldest) = self.operation_order.pop_front()
        {
            self.operations.remove(&oldest);
        }
        let half = (self.lags.operation / 2).max(Duration::from_millis(1));
        self.plan(half, Due::OperationStep(id.clone()));
        Ok(id)
    }

    /// The newest operation will fail when it is carried out, as when Route 53 refuses.
    pub(crate) fn fail_newest_operation(&mut self) {
        let newest = self.operation_order.back();
        if let Some(one) = newest.and_then(|id| self.operations.get_mut(id)) {
            let said = "User is not authorized to perform: route53:GetHealthCheck";
            one.error = Some(("ACCESS_DENIED".to_owned(), said.to_owned()));
        }
    }

    /// A registration takes effect: all attributes are replaced.
    pub(crate) fn put_member(
        &mut self,
        service: &ServiceId,
        member: &InstanceId,
        attributes: BTreeMap<String, String>,
        creator_request_id: Option<String>,
    ) {
        let now = self.now;
        let Some(held) = self.services.get_mut(service) else { return };
        let healthy = attributes.get("AWS_INIT_HEALTH_STATUS").is_none_or(|s| s != "UNHEALTHY");
        let registered = held.members.get(member).map_or(now, |old| old.registered);
        let healthy = held.members.get(member).map_or(healthy, |old| old.healthy);
        held.revision += 1;
        held.members.insert(
            member.clone(),
            Member { attributes, healthy, pending_health: None, registered, creator_request_id },
        );
        let due = Due::MemberPublished { service: service.clone(), member: member.clone() };
        self.plan(self.lags.publish, due);
    }

    /// A deregistration takes effect.
    pub(crate) fn remove_member(&mut self, service: &ServiceId, member: &InstanceId) -> bool {
        let Some(held) = self.services.get_mut(service) else { return false };
        if held.members.remove(member).is_none() {
            return false;
        }
        held.revision += 1;
        let due = Due::MemberPublished { service: service.clone(), member: member.clone() };
        self.plan(self.lags.publish, due);
        true
    }

    /// The data plane catches up on one member.
    pub(super) fn publish_member(&mut self, service: &ServiceId, member: &InstanceId) {
        let Some(held) = self.services.get_mut(service) else { return };
        match held.members.get(member) {
            Some(now) => {
                held.published.insert(member.clone(), now.attributes.clone());
            }
            None => {
                held.published.remove(member);
            }
        }
    }

    /// Sets a member's custom health; it takes effect after about 30 s.
    pub(crate) fn set_member_health(
        &mut self,
        service: &str,
        member: &InstanceId,
        healthy: bool,
    ) -> Result<(), Refused> {
        let at = self.after(self.lags.custom_health);
        let id = self.service(service)?.id.clone();
        let Some(held) = self.services.get_mut(&id) else { return Ok(()) };
        if !held.custom_health {
            let said = "The service has no custom health check.";
            return Err(Refused::with_status("CustomHealthNotFound", 404, said));
        }
        let Some(one) = held.members.get_mut(member) else { return Err(member_not_found(member)) };
        one.pending_health = Some((at, healthy));
        self.plan(
            self.lags.custom_health,
            Due::MemberHealth { service: id, member: member.clone() },
        );
        Ok(())
    }

    pub(super) fn member_health_due(&mut self, service: &ServiceId, member: &InstanceId) {
        let now = self.now;
        let held = self.services.get_mut(service).and_then(|held| held.members.get_mut(member));
        let Some(one) = held else { return };
        if let Some((at, healthy)) = one.pending_health
            && at <= now
        {
            one.healthy = healthy;
            one.pending_health = None;
        }
    }

    /// Merges keys into a service's attributes.
    pub(crate) fn update_service_attributes(
        &mut self,
        service: &str,
        attributes: BTreeMap<String, String>,
    ) -> Result<(), Refused> {
        let id = self.service(service)?.id.clone();
        let Some(held) = self.services.get_mut(&id) else { return Ok(()) };
        let mut merged = held.attributes.clone();
        merged.extend(attributes);
        if merged.len() > ATTRIBUTES_MAX {
            return Err(Refused::new(
                "ServiceAttributesLimitExceededException",
                "The attribute can't be added to the service because you've exceeded the quota.",
            ));
        }
        held.attributes = merged;
        Ok(())
    }

    /// Removes keys of a service's attributes.
    pub(crate) fn delete_service_attributes(
        &mut self,
        service: &str,
        keys: &[String],
    ) -> Result<(), Refused> {
        let id = self.service(service)?.id.clone();
        if let Some(held) = self.services.get_mut(&id) {
            held.attributes.retain(|key, _| !keys.contains(key));
        }
        Ok(())
    }
}

/// The refusal for a member that is not there.
pub(crate) fn member_not_found(member: &InstanceId) -> Refused {
    Refused::with_status("InstanceNotFound", 404, format!("Instance not found: {member}"))
}

/// InstanceId: 1 to 64 of `0-9a-zA-Z_/:.@-` (API model).
fn check_member_id(member: &InstanceId) -> Result<(), Refused> {
    let text = member.as_str();
    let fits = |c: char| c.is_ascii_alphanumeric() || "_/:.@-".contains(c);
    if text.is_empty() || text.len() > 64 || !text.chars().all(fits) {
        return Err(Refused::invalid_input(format!("Invalid instance id: {text}")));
    }
    Ok(())
}

/// Service names: letters, digits, `_`, `-` and dots, at most 127 characters.
fn is_service_name(text: &str) -> bool {
    let fits = |c: char| c.is_ascii_alphanumeric() || "_-.".contains(c);
    !text.is_empty() && text.len() <= 127 && text.chars().all(fits)
}
